use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<FaultSpec, SpecError> {
    text.parse()
}

fn problem(text: &str) -> (usize, String) {
    let error = parse(text).expect_err(text);
    assert_eq!(error.spec, text);
    (error.position, error.problem)
}

#[test]
fn the_documented_examples_mean_what_they_say() {
    let read = Target::named("read").unwrap();
    let spec = parse("read:short=512:when=3").unwrap();
    assert_eq!((spec.target(), spec.fault(), spec.when()), (read, Fault::Short(512), When::nth(3)));
    let spec = parse("open.direct:error=EINVAL").unwrap();
    assert_eq!((spec.fault(), spec.when()), (Fault::Error("EINVAL"), When::ALWAYS));
    let spec = parse("lock:error=ENOMEM:when=2+").unwrap();
    assert_eq!(spec.when(), When::from(2));
    let spec = parse("read.direct:corrupt=0x10^0x80").unwrap();
    assert_eq!(spec.fault(), Fault::Corrupt(Corruption::At { offset: 16, mask: 0x80 }));
    assert_eq!(parse("lock:delay=250").unwrap().fault(), Fault::Delay(250));
    assert_eq!(parse("read:eof").unwrap().fault(), Fault::Eof);
    assert_eq!(parse("read:corrupt").unwrap().fault(), Fault::Corrupt(Corruption::Middle));
    assert_eq!(parse("read:truncate=0").unwrap().fault(), Fault::Truncate(0));
    assert_eq!(parse("open:error=ENOENT:file=2").unwrap().file(), Some(2));
    let spec = parse("read:eof:when=3+:file=0x10").unwrap();
    assert_eq!((spec.when(), spec.file()), (When::from(3), Some(16)));
    assert_eq!(spec.to_string(), "read:eof:when=3+:file=16");
    assert!(problem("read:eof:file=0").1.contains("counted from 1"));
    assert!(problem("read:eof:file=1:when=2").1.contains("`file=N` or `least=N`"));
    let large = "alloc:error=ENOMEM:when=2+:least=0x1000".parse::<FaultSpec>().unwrap();
    assert_eq!(large.to_string(), "alloc:error=ENOMEM:when=2+:least=4096");
    assert!(large.concerns("alloc", None, 4096) && !large.concerns("alloc", None, 4095));
    assert!(problem("alloc:error=ENOMEM:least=0").1.contains("N from 1"));
    assert!(problem("map:error=ENOMEM:least=5").1.contains("`map` is none"));
}

#[test]
fn what_is_mapped_is_altered_in_the_file() {
    for text in
        ["map:truncate=4096:when=2", "map:corrupt=16^0x80:when=1:file=2", "open.direct:replaced:when=2"]
    {
        let spec = parse(text).unwrap();
        assert!(spec.alters_file() && spec.to_string() == text, "{text}");
    }
    for text in ["read:truncate=4096", "read:corrupt=16^0x80", "map:error=ENOMEM", "open:delay=5"] {
        assert!(!parse(text).unwrap().alters_file(), "{text}");
    }
    assert!(problem("map:corrupt").1.contains("for reads"));
    assert!(problem("map:replaced").1.contains("for opens"));
    assert!(problem("open:truncate=5").1.contains("for reads"));
    assert!(problem("open:replaced=5").1.contains("no value"));
}

#[test]
fn when_selects_as_strace_does() {
    let met = |text: &str| {
        let spec = parse(&format!("size:error=EIO:when={text}")).unwrap();
        (0..=12).filter(|&call| spec.when().meets(call)).collect::<Vec<u64>>()
    };
    assert_eq!(met("4"), [4]);
    assert_eq!(met("4+"), [4, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(met("4+3"), [4, 7, 10]);
    assert_eq!(met("4..6"), [4, 5, 6]);
    assert_eq!(met("4..6+"), [4, 5, 6]);
    assert_eq!(met("2..9+3"), [2, 5, 8]);
    assert_eq!(met("3..3+2"), [3]);
    assert_eq!((0..=3).filter(|&call| When::ALWAYS.meets(call)).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn errors_name_the_place_and_what_is_accepted() {
    let (position, text) = problem("raed:eof");
    assert_eq!(position, 1);
    assert!(text.contains("`raed`") && text.contains("read.direct"), "{text}");

    let (position, text) = problem("read:shrt=5");
    assert_eq!(position, 6);
    assert!(text.contains("`shrt`") && text.contains("short=N"), "{text}");

    let (position, text) = problem("read:error=EWHAT");
    assert_eq!(position, 12);
    assert!(text.contains("`EWHAT`") && text.contains("EIO"), "{text}");

    let (position, text) = problem("lock:error=EIO:when=");
    assert_eq!(position, 21);
    assert!(text.contains("from 1"), "{text}");

    assert_eq!(problem("read").0, 5);
    assert_eq!(problem("read:").0, 6);
    assert_eq!(problem("").0, 1);
    assert_eq!(problem("read:short").0, 11);
    assert_eq!(problem("read:eof=3").0, 10);
    assert_eq!(problem("read:corrupt=5").0, 15);
    assert_eq!(problem("read:corrupt=5^256").0, 16);
    assert_eq!(problem("read:eof:then=3").0, 10);
    assert_eq!(problem("read:eof:when=3x").0, 16);
    assert_eq!(problem("read:eof:when=3..").0, 18);
    assert_eq!(problem("read:short=99999999999999999999").0, 12);
    assert_eq!(problem("réad:eof").0, 1);
    assert_eq!(problem("read:eof:when=3é").0, 16);
}

#[test]
fn impossible_requests_are_refused() {
    assert!(problem("lock:short=5").1.contains("is for reads; `lock` takes error=NAME"));
    assert!(problem("unmap:eof").1.contains("is for reads"));
    assert!(problem("read:short=0").1.contains("`eof`"));
    assert!(problem("read:delay=0").1.contains("microseconds from 1"));
    assert!(problem("read:corrupt=5^0").1.contains("flips nothing"));
    for when in ["0", "0+", "5..4", "1+0", "1..9+0"] {
        let (position, text) = problem(&format!("read:eof:when={when}"));
        assert_eq!(position, 15, "{when}");
        assert!(text.contains("counted from 1"), "{text}");
    }
    let read = Target::named("read").unwrap();
    let error = FaultSpec::new(read, Fault::Error("EWHAT"), When::ALWAYS).unwrap_err();
    assert_eq!(
        error.to_string().split(';').next(),
        Some("injection `read:error=EWHAT`, character 6: no error is called `EWHAT`")
    );
}

fn any_spec() -> impl Strategy<Value = FaultSpec> {
    let targets: Vec<_> = Target::all().collect();
    let errors: Vec<_> = super::super::error_names().collect();
    let number = || prop_oneof![0u64..20, any::<u64>()];
    let fault = prop_oneof![
        proptest::sample::select(errors).prop_map(Fault::Error),
        number().prop_map(Fault::Short),
        number().prop_map(Fault::Delay),
        Just(Fault::Corrupt(Corruption::Middle)),
        (number(), any::<u8>()).prop_map(|(offset, mask)| Fault::Corrupt(Corruption::At { offset, mask })),
        Just(Fault::Eof),
        number().prop_map(Fault::Truncate),
    ];
    let when = (number(), proptest::option::of(number()), prop_oneof![Just(1), number()])
        .prop_filter_map("no such calls", |(first, last, step)| When::new(first, last, step));
    let least = proptest::option::of(1u64..);
    (proptest::sample::select(targets), fault, when, least).prop_filter_map(
        "not for this call",
        |(target, fault, when, least)| {
            let spec = FaultSpec::new(target, fault, when).ok()?;
            Some(least.map_or(spec, |least| spec.of_at_least(least)))
        },
    )
}

proptest! {
    #[test]
    fn what_is_displayed_is_read_back(spec in any_spec()) {
        prop_assert_eq!(spec.to_string().parse::<FaultSpec>(), Ok(spec));
    }

    #[test]
    fn no_text_upsets_the_parser(text in "(read|lock|open.direct|é|)[:=.+^]?(eof|short=|error=E|corrupt=)?.{0,12}") {
        match text.parse::<FaultSpec>() {
            Ok(spec) => prop_assert_eq!(spec.to_string().parse::<FaultSpec>(), Ok(spec)),
            Err(error) => prop_assert!(
                (1..=text.chars().count() + 1).contains(&error.position), "{}", error
            ),
        }
    }

    #[test]
    fn when_meets_the_calls_that_counting_out_meets(
        first in 1u64..30, last in proptest::option::of(1u64..60), step in 1u64..9,
    ) {
        let Some(when) = When::new(first, last, step) else {
            prop_assert!(last.is_some_and(|last| last < first));
            return Ok(());
        };
        let mut expected = Vec::new();
        let mut call = first;
        while call <= last.unwrap_or(60) && call <= 60 {
            expected.push(call);
            call += step;
        }
        prop_assert_eq!((0..=60).filter(|&call| when.meets(call)).collect::<Vec<_>>(), expected);
    }
}
