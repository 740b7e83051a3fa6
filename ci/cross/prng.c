/* bcryptprimitives.dll for a Wine that has none: Rust's standard library imports ProcessPrng. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE place, SIZE_T left) {
    while (left) {
        ULONG piece = left > 0x40000000u ? 0x40000000u : (ULONG)left;
        if (!SystemFunction036(place, piece)) return FALSE;
        place += piece;
        left -= piece;
    }
    return TRUE;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved) {
    (void)instance; (void)reason; (void)reserved;
    return TRUE;
}
