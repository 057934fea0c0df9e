# Sourced by the commands beside it: `prepare_environment FILE...` makes .venv hold what the requirement files name.
# ROOT is the repository, VENV_PYTHON its interpreter.

set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
VENV=$ROOT/.venv
VENV_PYTHON=$VENV/bin/python

# A relative state folder means the folder the command was called from.
[[ -z ${NNSERVICE_HOME:-} || $NNSERVICE_HOME == /* ]] || export NNSERVICE_HOME=$PWD/$NNSERVICE_HOME

fail() {
    printf 'nnservice: %s\n' "$*" >&2
    exit 1
}

# True when "$1" is a Python that TensorFlow has wheels for.
is_supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

version_of() {
    command -v "$1" >/dev/null && "$1" -V 2>&1 | head -n 1 || printf 'nothing that runs'
}

# Print the interpreter that makes .venv: $PYTHON when it is set, else the first that fits.
find_python() {
    local candidate
    if [[ -n ${PYTHON:-} ]]; then
        is_supported "$PYTHON" || fail "Python 3.11, 3.12 or 3.13 is needed, but PYTHON=$PYTHON is $(version_of "$PYTHON")"
        printf '%s' "$PYTHON"
        return
    fi
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if is_supported "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
    fail "Python 3.11, 3.12 or 3.13 is needed, but python3 is $(version_of python3): set PYTHON to the path of a fitting one"
}

# What the stamp of a requirement file holds: that file and the constraints it shares.
wanted() {
    cat -- "$ROOT/constraints.txt" "$ROOT/$1"
}

# A stamp is written last, so that an interrupted installation is never taken for whole.
is_ready() {
    local file
    [[ -x $VENV_PYTHON && ! -e $VENV/.installing ]] || return 1
    for file in "$@"; do
        [[ -f $VENV/.stamp-$file && $(<"$VENV/.stamp-$file") == "$(wanted "$file")" ]] || return 1
    done
}

install() {
    local python=$1 file requirements=()
    shift
    if [[ -e $VENV/.installing ]] || ! is_supported "$VENV_PYTHON" || ! "$VENV_PYTHON" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear "$VENV" >&2 || fail "$python cannot make .venv; on Debian and Ubuntu install python3-venv"
    fi
    touch "$VENV/.installing"
    for file in "$@"; do requirements+=(-r "$ROOT/$file"); done
    "$VENV_PYTHON" -m pip install --quiet --disable-pip-version-check "${requirements[@]}" >&2 ||
        fail "pip could not install the requirements, see above; the next start tries again"
    for file in "$@"; do wanted "$file" >"$VENV/.stamp-$file"; done
    rm -f -- "$VENV/.installing"
}

prepare_environment() {
    local python
    [[ -z ${PYTHON:-} ]] || find_python >/dev/null # a wrong PYTHON is an error even when .venv is there
    ! is_ready "$@" || return 0
    python=$(find_python) || exit 1
    # Of two commands started at once the second waits, then finds the work done. pip inherits the lock.
    exec 9<"$ROOT/requirements.txt"
    ! command -v flock >/dev/null || flock 9
    if ! is_ready "$@"; then
        printf 'nnservice: installing into %s with %s; the first time takes some minutes\n' "$VENV" "$(version_of "$python")" >&2
        install "$python" "$@"
    fi
    exec 9<&-
}
