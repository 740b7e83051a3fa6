#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| loadparity_fuzz::targets::strace(data));
