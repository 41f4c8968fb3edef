#!/bin/bash
# SPDX-License-Identifier: MIT
#
# documents_test.sh PROGRAM DIRECTORY: that the man page, the example configuration and the completion in the directory
# have what the program has.
set -euo pipefail

program=$(realpath "$1")
files=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/logbackup-documents.XXXXXX")
trap 'rm -r "$work"' EXIT
unset "${!LOGBACKUP_@}"
failures=0

# same WHAT EXPECTED ACTUAL
same() {
  [[ $2 == "$3" ]] && return
  printf '%s: expected < and found >\n' "$1"
  diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") || true
  failures=$((failures + 1))
}

# The long options in a help text, one a line.
options() { grep -oE '^ +(-[A-Za-z0-9],)?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'; }
commands() { sed -nE '/^Subcommands:/,/^$/s/^  ([a-z]+) .*/\1/p'; }
help=$("$program" --help)
all_options=$(options <<<"$help")
all_commands=$(commands <<<"$help")
(($(wc -l <<<"$all_options") > 15)) || failures=$((failures + 1))

# The man page: all options and subcommands, in the help's order.
page=$(sed 's/\\-/-/g' "$files/logbackup.8")
same "options of the man page" "$all_options" \
  "$(sed -n '/^\.Sh OPTIONS/,/^\.Sh CONF/s/^\.It Fl \([A-Za-z0-9] , Fl \)\{0,1\}\(-[a-z0-9-]*\).*/-\2/p' <<<"$page")"
same "subcommands of the man page" "$all_commands" \
  "$(sed -n '/^\.Sh DESCRIPTION/,/^\.Sh OPTIONS/s/^\.It Cm //p' <<<"$page")"

# The example configuration: without its comment signs it sets each option once, to its default.
settings() { "$program" --config "$1" config | grep -v '^$' | sed 's/ *# .*//' | sort; }
: >"$work/empty.toml"
sed -nE '/^#\[/q; s/^#([a-z-]+ = )/\1/p' "$files/logbackup.toml" >"$work/all.toml"
same "values of the example" "$(settings "$work/empty.toml")" "$(settings "$work/all.toml")"
same "options of the example" "$(settings "$work/empty.toml" | sed 's/ .*//')" "$(sed 's/ .*//' "$work/all.toml" | sort)"
same "the example as it is" "$(settings "$work/empty.toml")" "$(settings "$files/logbackup.toml")"
same "the section of the example" '[service."payments*"]' \
  "$(sed -nE 's/^#(\[|[a-z-]+ = )/\1/p' "$files/logbackup.toml" >"$work/section.toml"
    "$program" --config "$work/section.toml" config | grep -F '[service')"
same "the installed configuration" "" "$(grep -v -e '^#' -e '^$' "$files/etc.toml" || true)"
sed -nE 's/^#([a-z-]+ = )/\1/p' "$files/etc.toml" >"$work/etc.toml"
"$program" --config "$work/etc.toml" config >/dev/null || failures=$((failures + 1))

# completed WORD…: what the completion makes of a command line that ends with the last word.
completed() {
  COMP_WORDS=(logbackup "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _logbackup "$program" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
  ((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
}
# shellcheck source=scripts/package/logbackup.bash
source "$files/logbackup.bash"
mkdir -p "$work/saved"/{.logbackup,payments/{payments-1,payments-1@1,payments-2},stock/stock-0}
touch "$work/file"
same "completed options" "$(printf '%s\n-n\n-q\n-v\n-h\n-F\n-i\n-C\n-c\n-l\n' "$all_options" | sort)" "$(completed - | sort)"
same "completed beginning" $'--max-files\n--max-file-size' "$(completed --max-f)"
same "completed subcommands" "$all_commands" "$(completed '')"
for command in $all_commands; do
  same "completed options of $command" "$("$program" "$command" --help | options | sort)" \
    "$(completed "$command" -- | sort)"
done
same "nothing after a subcommand" "" "$(completed check '')"
same "services of a list" $'payments\nstock' "$(completed --dest "$work/saved" list '' | sort)"
same "instances of a list" $'payments/payments-1\npayments/payments-1@1\npayments/payments-2' \
  "$(completed --dest "$work/saved" list payments/ | sort)"
same "no pattern" "" "$(completed --dest "$work/saved" grep '')"
same "services of a search" payments "$(completed --dest "$work/saved" grep x p)"
same "coverages" $'complete\ncut' "$(completed list --coverage c)"
same "services" $'payments\nstock' "$(completed --dest "$work/saved" list --service '' | sort)"
same "services after =" $'payments' "$(completed --dest = "$work/saved" --service = p)"
same "services of the configuration" stock "$(LOGBACKUP_DEST=$work/saved completed --service s)"
same "pods" $'payments-1\npayments-2' "$(completed --dest "$work/saved" --pod pay)"
same "no backup" "" "$(completed --dest "$work/none" --service '')"
same "groups" root "$(completed --group roo)"
same "files" "$work/file" "$(completed --log-file "$work/f")"
same "directories" "$work/saved" "$(completed --dest "$work/")"
same "a free value" "" "$(completed --max-files '')"

((failures == 0)) || exit 1
echo "the documents have what the program has"
