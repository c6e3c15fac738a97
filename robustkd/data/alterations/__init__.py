"""Images made from others, of which no network was trained on any: outlines, shuffled patches, jitter, cue conflicts.

An `Alteration` is a transform with the name and the settings that identify it; `alteration.altered` makes the set of
the altered images. Each image depends on the original and on its index only, so that every network sees the same
images, in a sample as in the whole set.

`colour`, `geometry` and `blur` change an image a little; `outlines`, `patches` and `noise` remove most of what it
shows; `textures` mixes two images. All work on images of one or three channels.
"""
