//! The seccomp filter: `SECCOMP_RET_TRACE` on the calls of interest, `SECCOMP_RET_ALLOW` on all
//! others (`seccomp(2)`, `linux/bpf_common.h`).

use libc::sock_filter;

use super::arch::AUDIT_ARCH;
use super::numbers::{CALLS, Stops, X32_BIT, number};

const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_GREATER: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const JUMP_IF_SET: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// Offsets in `struct seccomp_data`.
const NR: u32 = 0;
const ARCH: u32 = 4;

const ALLOW: sock_filter = statement(RETURN, libc::SECCOMP_RET_ALLOW);
const TRACE: sock_filter = statement(RETURN, libc::SECCOMP_RET_TRACE);

/// The low half of an argument, then the high one.
const fn argument(at: u8) -> [u32; 2] {
    let low = 16 + 8 * at as u32;
    [low, low + 4]
}

const fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

/// Goes on if the condition holds, else over `over` instructions.
const fn unless(code: u16, k: u32, over: u8) -> sock_filter {
    sock_filter { code, jt: 0, jf: over, k }
}

/// What decides about a call whose number has been found.
fn decision(stops: Stops) -> Vec<sock_filter> {
    match stops {
        Stops::Always => vec![TRACE],
        Stops::Never => vec![ALLOW],
        Stops::AboveStreams => {
            vec![statement(LOAD_WORD, argument(0)[0]), unless(JUMP_IF_GREATER, 2, 1), TRACE, ALLOW]
        }
        Stops::Third => vec![
            statement(LOAD_WORD, argument(2)[0]),
            unless(JUMP_IF_EQUAL, 0, 3),
            statement(LOAD_WORD, argument(2)[1]),
            unless(JUMP_IF_EQUAL, 0, 1),
            ALLOW,
            TRACE,
        ],
        Stops::Killing(at) => {
            let kill = libc::SIGKILL.cast_unsigned();
            vec![statement(LOAD_WORD, argument(at)[0]), unless(JUMP_IF_EQUAL, kill, 1), TRACE, ALLOW]
        }
    }
}

/// The program. A call of a foreign ABI stops too, so that it is reported: of another architecture, or of
/// x32 by its bit in the number.
pub(super) fn program() -> Vec<sock_filter> {
    let mut program = vec![
        statement(LOAD_WORD, ARCH),
        sock_filter { code: JUMP_IF_EQUAL, jt: 1, jf: 0, k: AUDIT_ARCH },
        TRACE,
        statement(LOAD_WORD, NR),
        unless(JUMP_IF_SET, X32_BIT, 1),
        TRACE,
    ];
    for row in CALLS {
        let Some(nr) = number(row) else { continue };
        let decision = decision(row.stops);
        let over = u8::try_from(decision.len()).expect("a decision is a few instructions");
        program.push(unless(JUMP_IF_EQUAL, u32::from(nr), over));
        program.extend(decision);
    }
    program.push(ALLOW);
    program
}

#[cfg(test)]
mod tests {
    use super::super::numbers::{self, call};
    use super::*;

    /// What the kernel would return, by the rules of classic BPF.
    fn evaluate(nr: u32, arch: u32, args: &[u64; 6]) -> u32 {
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
                        field @ 16.. => {
                            let arg = args[(field as usize - 16) / 8];
                            if field % 8 == 0 { arg as u32 } else { (arg >> 32) as u32 }
                        }
                        other => panic!("no field at {other}"),
                    }
                }
                JUMP_IF_EQUAL => at += usize::from(if accumulator == step.k { step.jt } else { step.jf }),
                JUMP_IF_GREATER => at += usize::from(if accumulator > step.k { step.jt } else { step.jf }),
                JUMP_IF_SET => at += usize::from(if accumulator & step.k == 0 { step.jf } else { step.jt }),
                RETURN => return step.k,
                other => panic!("{other:#x} is no instruction of this program"),
            }
        }
    }

    #[test]
    fn it_stops_on_these_calls_and_on_no_other() {
        for nr in 0..600u32 {
            let row = call(i64::from(nr));
            for args in [[0; 6], [1; 6], [2; 6], [3; 6], [9; 6], [1 << 32; 6], [u64::MAX; 6]] {
                let stops = row.is_some_and(|row| numbers::stops(row, &args));
                let expected = if stops { libc::SECCOMP_RET_TRACE } else { libc::SECCOMP_RET_ALLOW };
                assert_eq!(evaluate(nr, AUDIT_ARCH, &args), expected, "{nr} {args:?}");
                assert_eq!(evaluate(nr, 0x4000_0003, &args), libc::SECCOMP_RET_TRACE, "a 32-bit call {nr}");
                assert_eq!(evaluate(X32_BIT | nr, AUDIT_ARCH, &args), libc::SECCOMP_RET_TRACE, "x32 {nr}");
            }
        }
    }

    #[test]
    fn what_a_program_prints_does_not_stop_it() {
        let write = |fd: u64| numbers::stops(call(libc::SYS_write).unwrap(), &[fd, 0, 0, 0, 0, 0]);
        assert_eq!([0, 1, 2, 3].map(write), [false, false, false, true]);
    }

    #[test]
    fn it_is_no_longer_than_the_kernel_takes() {
        // BPF_MAXINSNS of linux/bpf_common.h.
        assert!(program().len() <= 4096);
    }
}
