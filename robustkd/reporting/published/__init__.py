"""A study beside the papers that it repeats: which of their cells it measures, and how the numbers compare.

In reading order: `paper_table` is what a paper published and how it was obtained; `sarfraz2020`, `ruffy2019`,
`stanton2021` and `ojha2023` hold the tables of each paper in the words of robustkd; `trained` is what a run trained;
`matching` finds the cells that a run measures, and `differences` where its protocol is another; `agreement` compares
the numbers; `layout`, `scatter`, with `labels`, and `sentences` present them; `figure1` compares a matrix of
adversarial transfer; `compare` does all of it for a run.
"""
