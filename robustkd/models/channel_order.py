"""The order of the channels that a network takes."""

from typing import Literal

ChannelOrder = Literal["rgb", "bgr"]
"""Red first, as in Pillow and torchvision; or blue first, as in OpenCV and Caffe."""
