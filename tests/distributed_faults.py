"""The distributed training as it is, but for a fault of process 1 before its 8th step, in its first life alone.

The tests of terngrad_distributed start it with torchrun; FAULT is "none", "killed" or "stuck".
"""

import os
import signal
import time

from experiments import terngrad_distributed as training

sound_step = training.train_step


def faulty_step(run, batch, rate):
    if os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0" and run.steps == 7:
        if os.environ["FAULT"] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ["FAULT"] == "stuck":
            time.sleep(600)
    return sound_step(run, batch, rate)


if __name__ == "__main__":
    training.train_step = faulty_step
    training.main()
