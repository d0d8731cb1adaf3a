"""The notebooks under test keep their tables in a folder of their own, not in the user's."""

import os
import tempfile

os.environ.setdefault("HAIDIAN_EVAL_PROCESSED", tempfile.mkdtemp(prefix="haidian-eval-"))
