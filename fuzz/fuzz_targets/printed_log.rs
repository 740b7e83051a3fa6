#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| loadparity_fuzz::targets::printed_log(data));
