"""A script of two ranks, one of which is killed after some steps."""

import os
import signal
import sys

from overica import OvercompleteICA
from overica.learning.ascent import Ascent
from tests.distributed.fits_of_ranks import DATA, ICA, LONG

KILLED_AFTER = 25

if __name__ == "__main__":
    done, advance = [], Ascent.advance

    def counted(self, *told):
        done.append(1)
        if len(done) > KILLED_AFTER and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return advance(self, *told)

    Ascent.advance = counted
    OvercompleteICA(24, **LONG, **ICA, checkpoint=sys.argv[1], checkpoint_every=0).fit(DATA.X)
