//! Any plan on any simulated system under any schedule of faults, beside a naive model of a load: a machine that is
//! stepped by the results of its calls and knows of each whether the load goes on, how, and what it has to say.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use loadparity::engine::{self, LoadOptions, TensorBytes};
use loadparity::gguf::{MakeSpec, MatrixType, make};
use loadparity::plan::{LoadPlan, OnRefused, Source};
use loadparity::platform::{
    ErrorKind, Fault, FaultSpec, Injector, Platform, Recorder, Recording, Sim, SimFile, SimSystem, Target,
    When,
};
use loadparity::trace::{Call, NoticeCode, NoticeLevel, Op, Outcome};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// How often in a row a read may be interrupted.
const INTERRUPTIONS: u32 = 64;

/// How often in a row a direct read may end within its first block.
const STUCK: u32 = 3;

fn model() -> &'static [u8] {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| {
        let (heads, kv_heads, matrices) = (2, 1, MatrixType::Q8_0);
        let spec = MakeSpec {
            layers: 1,
            embd: 32,
            heads,
            kv_heads,
            ffn: 64,
            vocab: 512,
            matrices,
            ..MakeSpec::default()
        };
        let mut bytes = Vec::new();
        make(&spec, &mut bytes, &mut |_, _| ()).expect("a small model");
        bytes
    })
}

/// The way that the weights come from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Undecided,
    Map,
    Read,
    Direct,
}

/// What a load has come to, by the results of its calls alone.
#[derive(Debug)]
struct Naive {
    plan: LoadPlan,
    /// Whole pages, or what the file system says.
    grain: u64,
    size: u64,
    way: Way,
    /// Nothing mends what happened.
    fails: bool,
    /// Direct reads were refused, and what is missing comes buffered.
    refused: bool,
    lock_refused: bool,
    interrupted: u32,
    stuck: u32,
    /// Each kind of notice that has to come.
    says: Vec<NoticeCode>,
    mapped: bool,
    read_directly: bool,
}

impl Naive {
    fn new(plan: LoadPlan, page: u64, size: u64) -> Self {
        let way = match plan.source {
            Source::Map => Way::Map,
            Source::Read => Way::Read,
            Source::Direct | Source::Auto => Way::Undecided,
        };
        let says = Vec::new();
        let (fails, refused, lock_refused, mapped, read_directly) = (false, false, false, false, false);
        let (interrupted, stuck) = (0, 0);
        Self {
            plan,
            grain: page,
            size,
            way,
            fails,
            refused,
            lock_refused,
            interrupted,
            stuck,
            says,
            mapped,
            read_directly,
        }
    }

    /// Direct I/O does not work here.
    fn refuse(&mut self) {
        match self.plan.on_refused {
            Some(OnRefused::Error) => self.fails = true,
            _ => self.says.push(NoticeCode::DirectRefused),
        }
    }

    fn step(&mut self, op: &Op) {
        let error = match &op.outcome {
            Outcome::Ok(_) => None,
            Outcome::Err(errno) => Some(errno.kind),
        };
        let brings = matches!(op.call, Call::Read { .. } | Call::Map { .. } | Call::Alloc { .. });
        assert!(!(self.fails && brings), "{self:?} goes on with {:?}", op.call);
        match (&op.call, error) {
            (Call::Open { direct: false, .. } | Call::Size { .. } | Call::Alloc { .. }, Some(_)) => {
                self.fails = true
            }
            (Call::Open { direct: true, .. } | Call::Alignment { .. }, error) => {
                self.asks_for_direct(op, error)
            }
            (Call::MapHint { good, .. }, error) => {
                assert_eq!((self.plan.source, self.way), (Source::Auto, Way::Undecided));
                self.way = if error.is_none() && *good { Way::Map } else { Way::Read };
            }
            (Call::Map { .. }, error) => {
                assert_eq!(self.way, Way::Map, "{self:?}");
                match error {
                    None => self.mapped = true,
                    // Nobody asked for a mapping.
                    Some(_) if self.plan.source == Source::Auto => {
                        self.way = Way::Read;
                        self.says.push(NoticeCode::AutoResolved);
                    }
                    Some(_) => self.fails = true,
                }
            }
            (Call::Read { direct, offset, len, .. }, error) => {
                self.reads(op, *direct, *offset..*offset + *len, error)
            }
            (Call::Lock { .. }, error) => {
                assert!(self.plan.lock && !self.lock_refused, "{self:?}: {:?}", op.call);
                if error.is_some() {
                    self.lock_refused = true;
                    self.says.push(NoticeCode::LockRefused);
                }
            }
            _ => {}
        }
    }

    fn asks_for_direct(&mut self, op: &Op, error: Option<ErrorKind>) {
        assert_eq!((self.plan.source, self.way), (Source::Direct, Way::Undecided), "{:?}", op.call);
        match error {
            None => {
                if let Call::Alignment { memory, offset, .. } = op.call {
                    self.grain = self.grain.max(memory).max(offset).next_power_of_two();
                    self.way = Way::Direct;
                }
            }
            Some(ErrorKind::Invalid | ErrorKind::Unsupported) => {
                self.way = if self.plan.on_refused == Some(OnRefused::Map) { Way::Map } else { Way::Read };
                self.refuse();
            }
            Some(_) => self.fails = true,
        }
    }

    fn reads(&mut self, op: &Op, direct: bool, range: std::ops::Range<u64>, error: Option<ErrorKind>) {
        if range.is_empty() {
            return;
        }
        self.read_directly |= direct && error.is_none();
        assert!(!direct || self.way == Way::Direct && !self.refused, "{self:?}: {:?}", op.call);
        let arrived = match (&op.outcome, error) {
            (Outcome::Ok(bytes), _) => *bytes,
            (_, Some(ErrorKind::Interrupted)) => {
                self.interrupted += 1;
                self.fails = self.interrupted > INTERRUPTIONS;
                return;
            }
            (_, Some(ErrorKind::Invalid | ErrorKind::BadAddress | ErrorKind::Unsupported)) if direct => {
                self.refused = true;
                return self.refuse();
            }
            _ => {
                self.fails = true;
                return;
            }
        };
        self.interrupted = 0;
        // The file ends before its own table of tensors says so.
        self.fails |= arrived == 0;
        if direct && range.start + arrived < self.size {
            self.stuck = if arrived < self.grain { self.stuck + 1 } else { 0 };
            if self.stuck == STUCK {
                self.refused = true;
                self.refuse();
            }
        }
    }
}

fn fault(target: Target) -> BoxedStrategy<Fault> {
    const NAMES: &[&str] = &[
        "EIO",
        "EINTR",
        "EINVAL",
        "EAGAIN",
        "ENOMEM",
        "EMFILE",
        "EACCES",
        "EFAULT",
        "ENODEV",
        "EOPNOTSUPP",
        "ESTALE",
    ];
    let error = proptest::sample::select(NAMES).prop_map(Fault::Error);
    if !target.name().starts_with("read") {
        return error.boxed();
    }
    let size = model().len() as u64;
    let bytes = prop_oneof![Just(1), Just(512), Just(4096), 1..size];
    prop_oneof![
        3 => error,
        2 => bytes.clone().prop_map(Fault::Short),
        1 => Just(Fault::Eof),
        1 => bytes.prop_map(Fault::Truncate),
    ]
    .boxed()
}

fn spec() -> impl Strategy<Value = FaultSpec> {
    let targets: Vec<Target> = Target::all().filter(|target| target.name() != "thread").collect();
    let when = prop_oneof![
        4 => (1u64..12).prop_map(When::nth),
        2 => (1u64..6).prop_map(When::from),
        1 => (1u64..6, 1u64..5).prop_map(|(first, step)| When::new(first, None, step).expect("calls")),
    ];
    let of = |target: Target| (Just(target), fault(target));
    (proptest::sample::select(targets).prop_flat_map(of), when).prop_map(|((target, fault), when)| {
        FaultSpec::new(target, fault, when).expect("a fault of this call")
    })
}

fn plan() -> impl Strategy<Value = LoadPlan> {
    let refused = proptest::sample::select(&[OnRefused::Map, OnRefused::Read, OnRefused::Error][..]);
    prop_oneof![
        any::<bool>().prop_map(|lock| LoadPlan { lock, ..LoadPlan::AUTO }),
        any::<bool>().prop_map(LoadPlan::map),
        any::<bool>().prop_map(LoadPlan::read),
        (any::<bool>(), refused).prop_map(|(lock, refused)| LoadPlan::direct(lock, refused)),
    ]
}

/// Loads, drops what was loaded, and gives the calls and whether it succeeded; the bytes are right then.
fn load(plan: LoadPlan, system: &SimSystem, schedule: &[FaultSpec]) -> (Vec<Op>, Result<(), String>) {
    let path = Path::new("m.gguf");
    let sim = Sim::new(system.profile.clone()).with_file(path, SimFile::new(model()));
    let recording = Recording::new();
    let faulty = Injector::new(Arc::new(sim.clone()), schedule.to_vec());
    let platform: Arc<dyn Platform> = Arc::new(Recorder::new(Arc::new(faulty), recording.clone()));
    let loaded = engine::load(&platform, path, plan, LoadOptions { readers: 1, progress: None });
    let result = loaded.map_err(|error| error.to_string()).map(|loaded| {
        for (index, tensor) in loaded.gguf.tensors.iter().enumerate() {
            let range = loaded.gguf.file_range(tensor);
            let right = &model()[range.start as usize..range.end as usize];
            assert!(loaded.weights.tensor_bytes(index) == right, "{}: wrong bytes", tensor.name);
        }
    });
    drop(platform);
    assert_eq!(sim.census(), Default::default(), "something is still held");
    (recording.ops(), result)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20834),
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_load_ends_as_its_calls_decide(
        plan in plan(),
        system in proptest::sample::select(SimSystem::all()),
        schedule in proptest::collection::vec(spec(), 0..4),
    ) {
        let (ops, result) = load(plan, &system, &schedule);
        let mut naive = Naive::new(plan, system.profile.page_size, model().len() as u64);
        let mut said = Vec::new();
        for op in &ops {
            match &op.call {
                Call::Notice(notice) if notice.level == NoticeLevel::Warning => said.push(notice.code),
                _ => naive.step(op),
            }
        }
        let shown: Vec<String> = schedule.iter().map(ToString::to_string).collect();
        let name = format!("{plan} on {} under {}", system.profile.name, shown.join(" and "));
        prop_assert_eq!(result.is_err(), naive.fails, "{}: {:?}, {:?}", name, result, naive);
        if result.is_ok() {
            prop_assert_eq!(said, naive.says, "{}", name);
            prop_assert_eq!(naive.mapped, naive.way == Way::Map, "{}", name);
            prop_assert!(naive.way == Way::Direct || !naive.read_directly, "{}", name);
        }
    }
}
