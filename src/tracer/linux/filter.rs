//! The seccomp filter: `SECCOMP_RET_TRACE` on the calls of interest, `SECCOMP_RET_ALLOW` on all
//! others (`seccomp(2)`, `linux/bpf_common.h`).

use libc::sock_filter;

use super::arch::AUDIT_ARCH;
use super::calls::{CALLS, X32_BIT};

const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_SET: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// Offsets in `struct seccomp_data`.
const NR: u32 = 0;
const ARCH: u32 = 4;
/// The halves of the third argument.
const THIRD: [u32; 2] = [32, 36];

fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

/// The program. A call of a foreign ABI stops too, so that it is told of: of another architecture, or
/// of x32 by its bit in the number. `prlimit64` stops where it
/// sets a limit: it is also how a limit is asked for, which changes nothing.
pub(super) fn program() -> Vec<sock_filter> {
    /// The instructions that look at `prlimit64`.
    const LIMIT: u8 = 5;
    let count = u8::try_from(CALLS.len()).expect("jumps reach over at most 255 instructions");
    let number = |nr: i64| u32::try_from(nr).expect("numbers of system calls are small and positive");
    let mut program = vec![
        statement(LOAD_WORD, ARCH),
        // A foreign call goes over the load, all comparisons and the allowing return.
        sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: count + LIMIT + 3, k: AUDIT_ARCH },
        statement(LOAD_WORD, NR),
        sock_filter { code: JUMP_IF_SET, jt: count + LIMIT + 1, jf: 0, k: X32_BIT },
        sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: LIMIT - 1, k: number(libc::SYS_prlimit64) },
        statement(LOAD_WORD, THIRD[0]),
        sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: count + 3, k: 0 },
        statement(LOAD_WORD, THIRD[1]),
        sock_filter { code: JUMP_IF_EQUAL, jt: count, jf: count + 1, k: 0 },
    ];
    for (left, (nr, _)) in (0..count).rev().zip(CALLS) {
        // To the last instruction, over those that are left and the allowing return.
        program.push(sock_filter { code: JUMP_IF_EQUAL, jt: left + 1, jf: 0, k: number(*nr) });
    }
    program.push(statement(RETURN, libc::SECCOMP_RET_ALLOW));
    program.push(statement(RETURN, libc::SECCOMP_RET_TRACE));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would return, by the rules of classic BPF.
    fn evaluate(nr: u32, arch: u32, third: u64) -> u32 {
        let program = program();
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match step.code {
                LOAD_WORD => {
                    accumulator = match step.k {
                        NR => nr,
                        ARCH => arch,
                        32 => third as u32,
                        36 => (third >> 32) as u32,
                        other => panic!("no field at {other}"),
                    }
                }
                JUMP_IF_EQUAL => at += usize::from(if accumulator == step.k { step.jt } else { step.jf }),
                JUMP_IF_SET => at += usize::from(if accumulator & step.k == 0 { step.jf } else { step.jt }),
                RETURN => return step.k,
                other => panic!("{other:#x} is no instruction of this program"),
            }
        }
    }

    #[test]
    fn it_stops_on_these_calls_and_on_no_other() {
        for nr in 0..600u32 {
            let wanted = CALLS.iter().any(|row| row.0 == i64::from(nr));
            for third in [0, 1, 1 << 32] {
                let asks = i64::from(nr) == libc::SYS_prlimit64 && third == 0;
                let stops = wanted && !asks;
                let expected = if stops { libc::SECCOMP_RET_TRACE } else { libc::SECCOMP_RET_ALLOW };
                assert_eq!(evaluate(nr, AUDIT_ARCH, third), expected, "{nr} {third}");
                assert_eq!(evaluate(nr, 0x4000_0003, third), libc::SECCOMP_RET_TRACE, "a 32-bit call {nr}");
                assert_eq!(evaluate(X32_BIT | nr, AUDIT_ARCH, third), libc::SECCOMP_RET_TRACE, "x32 {nr}");
            }
        }
    }
}
