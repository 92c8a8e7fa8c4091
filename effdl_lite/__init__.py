"""The package of the course *Efficient and Scalable Deep Learning*.

Rooms, from the ground up; a room imports only from rooms above it in this list:

* `profiles`  how long a notebook may take
* `data`      CIFAR-10 and Penn Treebank, and a stand-in for both
* `models`    the networks of the course, in plain PyTorch
* `measure`   parameters, multiply-accumulates, bytes, latency, the roofline
* `training`  one training step with five places, and `fit`, which runs it
* `batches`   images and text in batches, from memory
* `recipes`   the two settings that the chapters start from
* `reference` the stored results of the reference runs
* `plots`, `widgets`  figures
* `doctor`, `cli`  the `effdl` command
"""

__version__ = "0.1.0"
