# Shared by the build.sh scripts beside this file. Source it, do not run it.
#
#   begin "$0" "${1:-}"     sets $here (the function's folder) and $out (the code folder to
#                           make), takes the folder's lock, moves to $here
#   up_to_date WORD... -- FILE...   true when $out was made from these files and words
#   need COMMAND PACKAGE... installs the Debian packages if COMMAND is not there
#   staging                 makes an empty folder $tmp to build in
#   finish                  turns $tmp into $out in one step

begin() {
    here=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)
    lib=$(dirname -- "$here")
    case ${2:-} in
        '') out=$here/build ;;
        /*) out=${2%/} ;;
        *) out=$(pwd)/${2%/} ;;
    esac
    cd -- "$here"
    # Two test runs may call the same script at once: the second waits, then finds it done.
    exec 9>"$here/.lock"
    flock 9
}

up_to_date() {
    stamp=$(
        words=
        while [ "$1" != -- ]; do words="$words $1"; shift; done
        shift
        { printf '%s\n' "$words"; sha256sum -- "$@" ../build-lib.sh; } | sha256sum | cut -d' ' -f1
    )
    [ -x "$out/bootstrap" ] && [ "$(cat "$out/.built-from" 2>/dev/null)" = "$stamp" ]
}

need() {
    if command -v "$1" >/dev/null 2>&1; then return 0; fi
    shift
    (
        # One apt-get at a time, whichever folders are being built.
        flock 8
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq --no-install-recommends "$@" ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; }
    ) 8>"$lib/.lock" >&2
}

staging() {
    if [ -d "$out" ] && [ ! -e "$out/.built-from" ] && [ -n "$(ls -A -- "$out")" ]; then
        echo "$out was not made by this script: not replacing it" >&2
        exit 1
    fi
    tmp=$out.new
    rm -rf -- "$tmp"
    mkdir -p -- "$tmp"
}

finish() {
    chmod 755 "$tmp/bootstrap"
    printf '%s\n' "$stamp" >"$tmp/.built-from"
    rm -rf -- "$out"
    mv -- "$tmp" "$out"
    echo "built $out"
}
