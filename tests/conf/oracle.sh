# How bash reads a dkms.conf, written from the description alone: source it in
# a function, print each slot with an unquoted echo into a file, source that.
#
# Arguments: CONF SCRATCH-FILE. Directive names: the words of $ORACLE_NAMES.
conf=$1 scratch=$2
names=($ORACLE_NAMES)
set --
unset ORACLE_NAMES
declare +x kernelver arch kernel_source_dir kernel_config dkms_tree source_tree install_tree module module_version
slots_of() {
    eval 'indices=("${!'"$1"'[@]}")'
}
read_file() {
    . "$conf" >/dev/null
    for name in "${names[@]}"; do
        slots_of "$name"
        for index in "${indices[@]}"; do
            eval 'value="${'"$name"'[$index]}"'
            value=${value%$'\r'}
            echo $name[$index]=\"$value\"
        done
    done >"$scratch"
}
: >"$scratch"
(read_file)
. "$scratch" >/dev/null
for name in "${names[@]}"; do
    slots_of "$name"
    for index in "${indices[@]}"; do
        eval 'value="${'"$name"'[$index]}"'
        printf '%s\0' "$name" "$index" "$value"
    done
done
