"""What must be true of networks and labels before a number about them is trusted.

`admission` is the entrance: it probes each member once, before anything is measured, with `probe`; finds members that
are the same network (`same_network`); and looks at the predictions for all images (`predicted`, `label_order`).
`architecture` compares students with their baselines. A finding concerns its member only.
"""
