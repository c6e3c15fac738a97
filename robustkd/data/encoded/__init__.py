"""Encoded images (JPEG, PNG, …) that are decoded when they are needed, wherever their bytes lie.

The files, in reading order: `image_file`, where the bytes of one image come from; `headers`, what its beginning says;
`geometry` and `decoding`, how it becomes pixels; `images`, many of them behind one face, which `streaming` decodes in
worker processes; `options`, what a user may choose; `assembling`, from files and labels to a data set, with `remarks`.
"""
