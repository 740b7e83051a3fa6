//! What differs between processors: the number of the system call, its arguments and its result in
//! the registers.

use std::io;

use libc::pid_t;

use super::sys::{Registers, set_registers};

/// `EM_X86_64 | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE` of `linux/audit.h`.
#[cfg(target_arch = "x86_64")]
pub(super) const AUDIT_ARCH: u32 = 0xC000_003E;
/// `EM_AARCH64 | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE`.
#[cfg(target_arch = "aarch64")]
pub(super) const AUDIT_ARCH: u32 = 0xC000_00B7;

/// Changes an argument of the call that a thread is about to make.
#[cfg(target_arch = "x86_64")]
pub(super) fn set_argument(registers: &mut Registers, index: usize, value: u64) {
    match index {
        0 => registers.rdi = value,
        1 => registers.rsi = value,
        2 => registers.rdx = value,
        3 => registers.r10 = value,
        4 => registers.r8 = value,
        _ => registers.r9 = value,
    }
}

/// Changes an argument of the call that a thread is about to make.
#[cfg(target_arch = "aarch64")]
pub(super) fn set_argument(registers: &mut Registers, index: usize, value: u64) {
    registers.regs[index.min(5)] = value;
}

/// Changes which call a thread is about to make, and its arguments with it; -1 is none.
#[cfg(target_arch = "x86_64")]
pub(super) fn set_call(pid: pid_t, registers: &mut Registers, nr: i64) -> io::Result<()> {
    registers.orig_rax = nr.cast_unsigned();
    set_registers(pid, registers)
}

/// Changes which call a thread is about to make, and its arguments with it; -1 is none.
#[cfg(target_arch = "aarch64")]
pub(super) fn set_call(pid: pid_t, registers: &mut Registers, nr: i64) -> io::Result<()> {
    /// `linux/elf.h`: the number of the system call, an int.
    const NT_ARM_SYSTEM_CALL: usize = 0x404;
    set_registers(pid, registers)?;
    super::sys::set_regset(pid, NT_ARM_SYSTEM_CALL, &(nr as libc::c_int))
}

/// The registers after a call: those from before it, with the result in its place.
#[cfg(target_arch = "x86_64")]
pub(super) fn with_result(now: &Registers, before: &Registers, result: i64) -> Registers {
    // The kernel keeps the arguments, so those that were changed have to be put back.
    let (rdi, rsi, rdx) = (before.rdi, before.rsi, before.rdx);
    let (r10, r8, r9) = (before.r10, before.r8, before.r9);
    Registers { rax: result.cast_unsigned(), rdi, rsi, rdx, r10, r8, r9, ..*now }
}

/// The registers after a call: those from before it, with the result in its place.
#[cfg(target_arch = "aarch64")]
pub(super) fn with_result(now: &Registers, before: &Registers, result: i64) -> Registers {
    let mut after = *now;
    after.regs[..6].copy_from_slice(&before.regs[..6]);
    after.regs[0] = result.cast_unsigned();
    after
}
