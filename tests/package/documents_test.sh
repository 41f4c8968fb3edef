#!/bin/bash
# SPDX-License-Identifier: MIT
#
# documents_test.sh PROGRAM DIRECTORY: that the man pages, the example configuration and the completion in the directory
# have what the program has, and that what the README shows exists. The directory is scripts/package of the sources.
set -euo pipefail

program=$(realpath "$1")
files=$(realpath "$2")
repo=$(realpath "$files/../..")
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

# page NAME: a man page, with plain hyphens and quotes.
page() { sed -e 's/\\-/-/g' -e 's/\\(dq/"/g' -e 's/\\&//g' "$files/$1"; }
# section NAME: of a page.
section() { awk -v heading=".Sh $1" '/^\.Sh / { inside = $0 == heading } inside'; }
# items MACRO: the terms of lists that begin with this macro, without it.
items() { sed -n "s/^\.It $1 //p"; }
# each PATTERN: what matches, once, sorted.
each() { grep -oE -- "$1" | sort -u || true; }
# only_in_first FIRST SECOND: the lines of a text that another one lacks.
only_in_first() { comm -23 <(sort -u <<<"$1") <(sort -u <<<"$2"); }

# logbackup(8): options and subcommands in the help's order; exit codes, metrics, limits, fields and messages.
same "options of logbackup(8)" "$all_options" \
  "$(page logbackup.8 | section OPTIONS | items Fl | sed -n 's/^\([A-Za-z0-9] , Fl \)\{0,1\}\(-[a-z0-9-]*\).*/-\2/p')"
same "subcommands of logbackup(8)" "$all_commands" "$(page logbackup.8 | section DESCRIPTION | items Cm)"
same "subcommands of its synopsis" "$(sort <<<"$all_commands")" \
  "$(page logbackup.8 | section SYNOPSIS | sed -n 's/^\.Cm //p' | tr -s '| ' '\n' | sort)"
same "exit codes of logbackup(8)" \
  "$(sed -n '/^Exit codes:/,/^$/p' <<<"$help" | grep -oE ' (128\+n|[0-9]+)  ' | tr -d ' ' | sort)" \
  "$(page logbackup.8 | section "EXIT STATUS" | sed -n 's/^\.It //p' | sort)"
same "exit codes of a search" "$("$program" grep --help | sed -n '/^Exit codes/,$p' | each '\b[0-9] (not |no )?(found|backup)' | grep -o '^.')" \
  "$(page logbackup.8 | section SEARCHING | sed -n 's/^\.It //p' | sort)"
metrics=$(each '"logbackup_[a-z_]+' <"$repo/src/report/metrics.cpp" | tr -d '"')
(($(wc -l <<<"$metrics") > 15)) || failures=$((failures + 1))
same "metrics of logbackup(8)" "$metrics" "$(page logbackup.8 | section MONITORING | each 'logbackup_[a-z_]+')"
same "metrics of the alerts" "" "$(only_in_first "$(each '\blogbackup_[a-z_]+' <"$files/logbackup.rules.yml")" "$metrics")"
same "statuses of a metric" \
  "$(sed -n '/status_labels{/,/};/p' "$repo/src/report/metrics.cpp" | each '"[a-z_]+"' | tr -d '"')" \
  "$(page logbackup.8 | section MONITORING | sed -n '/^Containers that the run saw:/,/^\.It/{s/.*: //; /^\.It/!p}' | each '[a-z_]+')"
same "limits of logbackup(8)" \
  "$(sed -n '/name_of(Limit/,/^}/s/.*return "\(.*\)";.*/\1/p' "$repo/src/words/listing.cpp" | sort)" \
  "$(page logbackup.8 | section LIMITS | items Cm | tr -s ' ,' '\n' | grep -vx Cm | sort)"
same "fields of a search" "$(grep -oE '(\{|object\[)"[a-z_]+"' "$repo/src/report/search_report.cpp" | each '[a-z_]+"' | tr -d '"')" \
  "$(page logbackup.8 | section "JSON OUTPUT" | sed '1,/^prints an object/d' | sed -n 's/^\.Ql \([a-z_]*\).*/\1/p' | sort)"
same "commands with JSON" "$(sed -n '/^ "properties"/,$p' "$repo/tests/schema/logbackup.schema.json" | each '"[a-z-]+"' | tr -d '"' |
  grep -vxE 'properties|command|enum|type|object|required')" \
  "$(page logbackup.8 | section "JSON OUTPUT" | sed '/^\.Pp/,$d' | sed -nE 's/^\.(Ql|Cm) ([a-z-]+)( .*|$)/\2/p' | grep -vx command | sort)"
while read -r message; do
  grep -rqF -- "$message" "$repo/src" || same "message of logbackup(8)" "$message" "no such message"
done < <(page logbackup.8 | section DIAGNOSTICS | items Cm | grep -oE '"[^"]+"' | sed "s/ '.*//" | tr -d '"' |
  sed 's/\.\.\./\n/g' | sed -E 's/^ +| +$//g' | grep -E '.{7}')

# logbackup.toml(5): all keys with their defaults, those of sections, and the options that are no keys.
settings() { "$program" --config "$1" config | grep -v '^$' | sed 's/ *# .*//' | sort; }
: >"$work/empty.toml"
keys=$(settings "$work/empty.toml" | sed 's/ .*//')
mapfile -t options_of_keys < <(printf '%s' "$keys" | sed 's/^/--/')
page logbackup.toml.5 | section KEYS | items Ic >"$work/page.toml"
same "values of logbackup.toml(5)" "$(settings "$work/empty.toml")" "$(settings "$work/page.toml")"
same "keys of logbackup.toml(5)" "$keys" "$(sed 's/ .*//' "$work/page.toml" | sort)"
same "keys of a section" "$("$program" config --help | tr '\n' ' ' | sed -n 's/.*some services: \([^.]*\)\..*/\1/p' | tr -s ', ' '\n')" \
  "$(page logbackup.toml.5 | section SECTIONS | items Ic)"
same "options that are no keys" "$(only_in_first "$all_options" "$(printf '%s\n' --help --version "${options_of_keys[@]}")")" \
  "$(page logbackup.toml.5 | section "NOT IN THE FILE" | sed -n 's/^\.Fl \(-[a-z0-9-]*\).*/-\1/p' | sort)"

# All pages: what they name.
for name in logbackup.8 logbackup.toml.5 logbackup-design.7; do
  same "options in $name" "" "$(only_in_first "$(page "$name" | sed -n 's/^\.Fl \(-[a-z0-9-]*\).*/-\1/p')" \
    "$all_options"$'\n--append')" # rsync's
  same "metrics in $name" "" "$(only_in_first "$(page "$name" | each '\blogbackup_[a-z_]+')" "$metrics")"
  same "sections in $name" "" "$(only_in_first "$(page "$name" | sed -n 's/^\.Sx \(.*[A-Za-z]\).*/\1/p')" \
    "$(page "$name" | sed -n 's/^\.S[hs] //p')")"
done

# The README: its options, its settings, and what it links to.
readme=$repo/README.md
same "options in the README" "" "$(only_in_first "$(grep -vE 'scripts/|cmake|apt|systemctl|curl|gtest|ninja' "$readme" |
  each '(^|[^a-z-])--[a-z][a-z0-9-]+' | grep -oE -- '--.*')" "$all_options"$'\n--no-install-recommends')" # apt's
same "metrics in the README" "" "$(only_in_first "$(each '\blogbackup_[a-z]+_[a-z_]+' <"$readme")" "$metrics")"
fence="\`\`\`"
sed -n "/^${fence}toml/,/^$fence\$/{/^$fence/!p}" "$readme" >"$work/readme.toml"
[[ -s $work/readme.toml ]] || same "settings in the README" "some" "none"
"$program" --config "$work/readme.toml" config >/dev/null || failures=$((failures + 1))
same "keys in the README" "" "$(only_in_first "$(sed -n '/^| setting/,/^$/{/^| setting/!s/^| .\([a-z-]*\). |.*/\1/p}' "$readme")" "$keys")"
while read -r link; do
  [[ -e $repo/$link ]] || same "file in the README" "$link" "no such file"
done < <(grep -oE '\]\([^)#:]+\)' "$readme" | tr -d ']()')
same "anchors in the README" "" "$(only_in_first "$(grep -oE '\]\(#[^)]+\)' "$readme" | tr -d ']()#')" \
  "$(sed -n 's/^##* //p' "$readme" | tr '[:upper:]' '[:lower:]' | tr -d ',.:' | tr ' ' '-')")"

# The example configuration: without its comment signs it sets each option once, to its default.
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
