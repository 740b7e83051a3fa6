# Sourced: sets this shell up to build for x86_64-pc-windows-gnu and to run that under Wine.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
windows_target=x86_64-pc-windows-gnu
export WINEPREFIX=$CROSS_HOME/wine WINEDEBUG=${WINEDEBUG:--all} WINEARCH=win64
unset DISPLAY WAYLAND_DISPLAY

# Debian's wine64 puts no command into the path.
wine_tools() {
    local folder
    for folder in /usr/lib/wine /usr/lib/x86_64-linux-gnu/wine; do
        [ -x "$folder/wine64" ] && wine=$folder/wine64 && wineserver=$folder/wineserver64 && break
    done
    [ -n "${wine:-}" ] || not_run "wine64 is installed but not where Debian puts it"
    [ -x "$wineserver" ] || wineserver=${wineserver%64}
}

windows_linker() {
    local gcc=x86_64-w64-mingw32-gcc linker
    command -v $gcc > /dev/null || gcc=x86_64-w64-mingw32-gcc-win32
    command -v $gcc > /dev/null || not_run "there is no $gcc"
    $gcc -O2 -c "$cross_here/fma.c" -o "$CROSS_HOME/fma.o"
    # The name has to end in gcc: rustc takes the linker's kind from it.
    linker=$CROSS_HOME/bin/x86_64-w64-mingw32-gcc
    printf '#!/bin/sh\nexec %s %q "$@"\n' "$(command -v $gcc)" "$CROSS_HOME/fma.o" > "$linker"
    chmod +x "$linker"
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=$linker
    mingw=$gcc
}

# The first Wine program of a session starts Wine's services, which keep that program's output open:
# a test harness that reads its pipe to the end would wait for them. So they are started first, with
# no pipes, and stay ten minutes past the last program.
wine_runner() {
    local runner=$CROSS_HOME/bin/wine-run
    cat > "$runner" << T
#!/bin/sh
# A test starts programs of its own: they are on the same side already, and Wine cannot wait for this script.
unset DISPLAY WAYLAND_DISPLAY CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER
WINEPREFIX='$WINEPREFIX' WINEDEBUG=\${WINEDEBUG:--all} WINEARCH=win64
export WINEPREFIX WINEDEBUG WINEARCH
(
    flock 9
    if [ -z "\$(find "\$WINEPREFIX/.alive" -mmin -5 2> /dev/null)" ]; then
        '$wineserver' -p600 9>&-
        '$wine' cmd /c exit 9>&-
        touch "\$WINEPREFIX/.alive"
    fi
) 9> "\$WINEPREFIX/.lock" < /dev/null > /dev/null 2>&1
exec '$wine' "\$@"
T
    chmod +x "$runner"
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$runner
}

wine_prefix() {
    local log=$CROSS_HOME/wineboot.log dll=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
    if [ ! -e "$WINEPREFIX/.ready" ]; then
        rm -rf "$WINEPREFIX"
        timeout 300 "$wine" wineboot -i > "$log" 2>&1 < /dev/null || not_run "Wine does not start; see $log"
        "$wineserver" -w
        touch "$WINEPREFIX/.ready"
    fi
    [ -e "$dll" ] || $mingw -O2 -shared -o "$dll" "$cross_here/prng.c" -ladvapi32
}

windows_setup() {
    [ "$(uname -sm)" = "Linux x86_64" ] || not_run "this takes Linux on x86-64, here is $(uname -sm)"
    # Before the target: its standard library is built with mingw's dlltool.
    need gcc-mingw-w64-x86-64-win32 wine64
    use_target $windows_target
    wine_tools
    windows_linker
    wine_prefix
    wine_runner
}

# Ends the Wine processes of this prefix.
windows_stop() {
    rm -f "$WINEPREFIX/.alive"
    "$wineserver" -k || true
}
