//! The seccomp filter: `SECCOMP_RET_TRACE` on the calls of interest, `SECCOMP_RET_ALLOW` on all
//! others (`seccomp(2)`, `linux/bpf_common.h`).

use libc::sock_filter;

use super::arch::AUDIT_ARCH;
use super::calls::CALLS;

const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// Offsets in `struct seccomp_data`.
const NR: u32 = 0;
const ARCH: u32 = 4;

fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

/// The program. A call of a foreign ABI stops too, so that it is told of.
pub(super) fn program() -> Vec<sock_filter> {
    let count = u8::try_from(CALLS.len()).expect("jumps reach over at most 255 instructions");
    let mut program = vec![
        statement(LOAD_WORD, ARCH),
        // A foreign call goes over the load, all comparisons and the allowing return.
        sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: count + 2, k: AUDIT_ARCH },
        statement(LOAD_WORD, NR),
    ];
    for (left, (nr, _)) in (0..count).rev().zip(CALLS) {
        // To the last instruction, over those that are left and the allowing return.
        let k = u32::try_from(*nr).expect("numbers of system calls are small and positive");
        program.push(sock_filter { code: JUMP_IF_EQUAL, jt: left + 1, jf: 0, k });
    }
    program.push(statement(RETURN, libc::SECCOMP_RET_ALLOW));
    program.push(statement(RETURN, libc::SECCOMP_RET_TRACE));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would return, by the rules of classic BPF.
    fn evaluate(nr: u32, arch: u32) -> u32 {
        let program = program();
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match step.code {
                LOAD_WORD => accumulator = if step.k == NR { nr } else { arch },
                JUMP_IF_EQUAL => at += usize::from(if accumulator == step.k { step.jt } else { step.jf }),
                RETURN => return step.k,
                other => panic!("{other:#x} is no instruction of this program"),
            }
        }
    }

    #[test]
    fn it_stops_on_these_calls_and_on_no_other() {
        for nr in 0..600u32 {
            let wanted = CALLS.iter().any(|row| row.0 == i64::from(nr));
            let expected = if wanted { libc::SECCOMP_RET_TRACE } else { libc::SECCOMP_RET_ALLOW };
            assert_eq!(evaluate(nr, AUDIT_ARCH), expected, "{nr}");
            assert_eq!(evaluate(nr, 0x4000_0003), libc::SECCOMP_RET_TRACE, "a 32-bit call {nr}");
        }
    }
}
