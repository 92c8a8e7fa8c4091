"""The package of the course *Efficient and Scalable Deep Learning*.

Rooms, from the ground up; a room imports only from rooms above it in this list:

* `profiles`  how long a notebook may take
* `data`      CIFAR-10 and Penn Treebank, and a stand-in for both
* `models`    the networks of the course, in plain PyTorch
* `measure`   parameters, multiply-accumulates, bytes, latency, the roofline; the sharpness of a minimum
* `training`  one training step with five places, and `fit`, which runs it
* `batches`   images and text in batches, from memory
* `recipes`   the two settings that the chapters start from
* `methods`   what the papers add, one paper a file or folder; no paper's imports another's
* `reference` the stored results of the reference runs
* `tables`, `plots`, `widgets`  tables and figures
* `claims`    what the papers say beside what came out here, with verdicts that are computed
* `checking`  tests of answers to the labs
* `doctor`, `cli`  the `effdl` command
"""

__version__ = "0.1.0"
