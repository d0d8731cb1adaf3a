#!/usr/bin/env python3
"""Prepare the study's own environment once, then hand over to it.

python3 study.py report [OPTIONS]   make the report of the shipped edition
python3 study.py test [OPTIONS]     run the tests
python3 study.py lab                open the notebooks in JupyterLab
python3 study.py COMMAND [OPTIONS]  any command of `haidian-eval` (check, run, ...)
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "study.stamp")
LOCK = os.path.join(ROOT, "requirements.lock")
WINDOWS = os.name == "nt"
VENV_PYTHON = os.path.join(VENV, *(["Scripts", "python.exe"] if WINDOWS else ["bin", "python"]))
FITTING = [(3, 13), (3, 12), (3, 11)]
PROBE = "import sys; print('%d.%d' % sys.version_info[:2]); import ensurepip, venv"
HAND_OVER = {
    "report": ["-m", "haidian_eval", "run"],
    "test": ["-m", "pytest"],
    "lab": ["-m", "jupyterlab", os.path.join(ROOT, "notebooks")],
}


def fingerprint():
    """Say what the environment was made from: lock, project file and the place it stands in."""
    digest = hashlib.sha256(ROOT.encode("utf-8", "surrogateescape"))
    for path in (LOCK, os.path.join(ROOT, "pyproject.toml")):
        with open(path, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def is_current():
    try:
        with open(STAMP) as file:
            return file.read() == fingerprint() and os.path.exists(VENV_PYTHON)
    except OSError:
        return False


def interpreters():
    """List the commands that may start a fitting Python; the one running comes first."""
    inside = os.path.abspath(sys.executable).startswith(VENV + os.sep)
    yield [getattr(sys, "_base_executable", sys.executable) if inside else sys.executable]
    for major, minor in FITTING:
        if WINDOWS and shutil.which("py"):
            yield ["py", "-%d.%d" % (major, minor)]
        found = shutil.which("python%d.%d" % (major, minor))
        if found:
            yield [found]


def probe(command):
    """Return (version, complete): complete when the interpreter can make an environment."""
    ran = subprocess.run(command + ["-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    words = ran.stdout.decode("ascii", "replace").split(".")
    version = tuple(int(word) for word in words if word.strip().isdigit())
    return version, ran.returncode == 0


def fitting_python():
    incomplete = None
    for command in interpreters():
        version, complete = probe(command)
        if version in FITTING and complete:
            return command
        if version in FITTING:
            incomplete = incomplete or "%d.%d" % version
    if incomplete:
        sys.exit(
            "study.py: Python %s lacks the modules venv and ensurepip; install them (on Debian and"
            " Ubuntu: apt install python%s-venv) and run this again." % (incomplete, incomplete)
        )
    sys.exit(
        "study.py: the study needs Python 3.11, 3.12 or 3.13 and this is %d.%d; install one of"
        " them and run this again with it." % sys.version_info[:2]
    )


def install():
    """Make the environment anew from the lock; the stamp comes last, so half a one never counts."""
    python = fitting_python()
    print("study.py: preparing .venv (once; about two minutes) ...", file=sys.stderr, flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    pip = [VENV_PYTHON, "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    steps = [
        python + ["-m", "venv", VENV],
        pip + ["--no-deps", "--require-hashes", "--no-compile", "-r", LOCK],
        pip + ["--no-deps", "--no-build-isolation", "-e", ROOT],
    ]
    for step in steps:
        if subprocess.run(step).returncode:
            sys.exit("study.py: the step above failed: %s" % " ".join(step))
    with open(STAMP, "w") as file:
        file.write(fingerprint())


def main(words):
    if not words or words[0] in ("-h", "--help"):
        sys.exit(__doc__)
    if not is_current():
        install()
    command = HAND_OVER.get(words[0], ["-m", "haidian_eval", words[0]]) + words[1:]
    os.environ.setdefault("PYTHONUTF8", "1")
    if words[0] == "test":
        os.chdir(ROOT)
    if WINDOWS:
        sys.exit(subprocess.run([VENV_PYTHON] + command).returncode)
    os.execv(VENV_PYTHON, [VENV_PYTHON] + command)


if __name__ == "__main__":
    main(sys.argv[1:])
