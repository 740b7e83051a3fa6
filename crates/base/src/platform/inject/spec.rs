//! What a fault is: where, what, and at which calls. Display writes what the parser reads.

use std::fmt;

use super::parse::SpecError;

/// The calls of the seam by name, and the start of a thread, which a command is seen to make. A name also stands for all names that continue it after a dot:
/// `read` is every read, `read.direct` those on directly opened files.
pub(super) const TARGETS: [&str; 22] = [
    "open",
    "open.direct",
    "open.buffered",
    "size",
    "alignment",
    "maphint",
    "read",
    "read.direct",
    "read.buffered",
    "map",
    "advise",
    "advise.file",
    "advise.map",
    "lock",
    "lock.buffer",
    "lock.map",
    "unlock",
    "unlock.buffer",
    "unlock.map",
    "unmap",
    "alloc",
    "thread",
];

/// Which calls of the seam a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target(&'static str);

impl Target {
    /// The target of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|&known| known == name).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Every target.
    pub fn all() -> impl Iterator<Item = Self> {
        TARGETS.into_iter().map(Self)
    }

    /// Whether a call, given by its full name such as `read.direct`, is meant.
    #[must_use]
    pub fn covers(self, call: &str) -> bool {
        call.strip_prefix(self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What goes wrong. [`Fault::Error`] and [`Fault::Delay`] are for every call, [`Fault::Reports`] is for `size`,
/// [`Fault::Replaced`] for opens, the others are for reads; of these, [`Fault::Truncate`] and [`Corruption::At`] are
/// for `map` too, where the file itself is altered, which takes a private copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The call is not made and fails with the error of that name, one of [`error_names`].
    ///
    /// [`error_names`]: super::error_names
    Error(&'static str),
    /// The call is made this many microseconds late.
    Delay(u64),
    /// The read is made with at most this many bytes (not 0). On a directly opened file whose
    /// kernel enforces alignment they are rounded down to it, but not to nothing: that is how far
    /// a kernel stops short.
    Short(u64),
    /// A bit pattern is flipped in data that arrived.
    Corrupt(Corruption),
    /// The read is not made and returns 0, the end of the file.
    Eof,
    /// The question of the file's size is answered with so many bytes, whatever it has.
    Reports(u64),
    /// Reads see the file end at this offset; its reported size stays. What a read brought from
    /// behind the new end is overwritten with zeros. Of `map`: the file is cut to this size as soon as it is mapped,
    /// so that what touches a page behind it gets SIGBUS.
    Truncate(u64),
    /// Just before this open another file takes the name, as `rename` does: the same model with its data moved
    /// behind a longer header, so that a header of one does not fit the data of the other.
    Replaced,
}

/// Which bits of arrived data are flipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Corruption {
    /// The lowest bit of the middle byte (index `n / 2` of `n`) of what the read brought.
    Middle,
    /// The byte at this offset of the **file** is exclusive-ored with the mask (not 0). A read
    /// that does not bring this byte is left alone and does not count as fired. Of `map`: the file has that byte
    /// from the start.
    At {
        /// The byte's offset in the file.
        offset: u64,
        /// The bits to flip.
        mask: u8,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(name) => write!(f, "error={name}"),
            Self::Delay(micros) => write!(f, "delay={micros}"),
            Self::Short(bytes) => write!(f, "short={bytes}"),
            Self::Corrupt(Corruption::Middle) => f.write_str("corrupt"),
            Self::Corrupt(Corruption::At { offset, mask }) => write!(f, "corrupt={offset}^{mask:#04x}"),
            Self::Eof => f.write_str("eof"),
            Self::Reports(size) => write!(f, "reports={size}"),
            Self::Truncate(size) => write!(f, "truncate={size}"),
            Self::Replaced => f.write_str("replaced"),
        }
    }
}

/// Which of the matching calls, counted from 1, a fault meets: strace's
/// `FIRST[..LAST][+[STEP]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct When {
    first: u64,
    last: Option<u64>,
    step: u64,
}

impl When {
    /// Every call; the same as leaving `when` out.
    pub const ALWAYS: Self = Self { first: 1, last: None, step: 1 };

    /// The `nth` call alone (`N`). 0 is taken as 1.
    #[must_use]
    pub fn nth(nth: u64) -> Self {
        let nth = nth.max(1);
        Self { first: nth, last: Some(nth), step: 1 }
    }

    /// The `first` call and every one after it (`FIRST+`). 0 is taken as 1.
    #[must_use]
    pub fn from(first: u64) -> Self {
        Self { first: first.max(1), ..Self::ALWAYS }
    }

    /// `FIRST..LAST+STEP`, or `FIRST+STEP` without a last. `None` where first or step is 0 or the
    /// last stands before the first.
    #[must_use]
    pub fn new(first: u64, last: Option<u64>, step: u64) -> Option<Self> {
        if first == 0 || step == 0 || last.is_some_and(|last| last < first) {
            return None;
        }
        // One call needs no step: equal meanings are equal values, and display alike.
        let step = if last == Some(first) { 1 } else { step };
        Some(Self { first, last, step })
    }

    /// Whether the call of this number is met.
    #[must_use]
    pub fn meets(&self, call: u64) -> bool {
        let past_first = call.checked_sub(self.first);
        past_first.is_some_and(|past| past.is_multiple_of(self.step))
            && self.last.is_none_or(|last| call <= last)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        match self.last {
            Some(last) if last == self.first => return Ok(()),
            Some(last) => write!(f, "..{last}")?,
            None => f.write_str("+")?,
        }
        match (self.step, self.last) {
            (1, _) => Ok(()),
            (step, Some(_)) => write!(f, "+{step}"),
            (step, None) => write!(f, "{step}"),
        }
    }
}

/// One fault of a schedule. Parsed from and displayed as `TARGET:FAULT[:when=WHEN][:file=N][:least=N]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultSpec {
    target: Target,
    fault: Fault,
    when: When,
    file: Option<u32>,
    least: Option<u64>,
}

impl FaultSpec {
    /// A fault at the calls that `target` and `when` select.
    ///
    /// # Errors
    /// Where the fault is not one that these calls can have: an unknown error name, a data fault
    /// on anything but reads and mappings, another size on anything but its question, another file for anything but
    /// opens, a short read or a flip of nothing.
    pub fn new(target: Target, fault: Fault, when: When) -> Result<Self, SpecError> {
        let spec = Self { target, fault, when, file: None, least: None };
        let family = target.0.split('.').next();
        let is_read = family == Some("read");
        let of_a_file =
            target.0 == "map" && matches!(fault, Fault::Truncate(_) | Fault::Corrupt(Corruption::At { .. }));
        let problem = match fault {
            Fault::Error(name) if super::error_names().any(|known| known == name) => None,
            Fault::Error(name) => Some(super::parse::unknown_error(name)),
            Fault::Delay(1..) => None,
            Fault::Delay(0) => Some("delay=N takes microseconds from 1".to_owned()),
            Fault::Reports(_) if target.0 == "size" => None,
            Fault::Reports(_) => Some(format!("`{fault}` is an answer to the question of the size: `size`")),
            Fault::Replaced if family == Some("open") => None,
            Fault::Replaced => {
                Some(format!("`{fault}` is for opens; `{target}` takes error=NAME and delay=N"))
            }
            _ if !is_read && !of_a_file => {
                Some(format!("`{fault}` is for reads; `{target}` takes error=NAME and delay=N"))
            }
            Fault::Short(0) => Some("a read of no bytes is `eof`; short=N takes N from 1".to_owned()),
            Fault::Corrupt(Corruption::At { mask: 0, .. }) => {
                Some("the mask flips nothing; it is from 1 to 0xff".to_owned())
            }
            _ => None,
        };
        match problem {
            None => Ok(spec),
            Some(problem) => Err(SpecError::at(&spec.to_string(), target.0.len() + 1, problem)),
        }
    }

    /// The same for calls on one file of a model alone: the `file`-th, from 1, in the order in which files are first
    /// opened, or that is tried. Memory that belongs to no file is not met.
    #[must_use]
    pub fn on_file(self, file: u32) -> Self {
        Self { file: Some(file.max(1)), ..self }
    }

    /// Which file of a model it is for, from 1; every one where it is `None`.
    #[must_use]
    pub fn file(&self) -> Option<u32> {
        self.file
    }

    /// The same for requests of at least so many bytes alone, as where there is no room for a large one. For `alloc`;
    /// other calls are left as they are.
    #[must_use]
    pub fn of_at_least(self, bytes: u64) -> Self {
        let least = (self.target.0 == "alloc" && bytes > 0).then_some(bytes);
        Self { least, ..self }
    }

    /// How many bytes a request for memory has at least that it is for; any number where it is `None`.
    #[must_use]
    pub fn least(&self) -> Option<u64> {
        self.least
    }

    /// Whether a call of this full name on the `file`-th file of a model, from 1, for `len` bytes is counted.
    #[must_use]
    pub fn concerns(&self, call: &str, file: Option<u32>, len: u64) -> bool {
        self.target.covers(call)
            && (self.file.is_none() || self.file == file)
            && self.least.is_none_or(|least| len >= least)
    }

    /// Whether it alters the file itself and not what one call sees of it: then it takes a private copy.
    #[must_use]
    pub fn alters_file(&self) -> bool {
        let mapped = self.target.0 == "map" && matches!(self.fault, Fault::Truncate(_) | Fault::Corrupt(_));
        mapped || self.fault == Fault::Replaced
    }

    /// Which calls it is for.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
    }

    /// What goes wrong.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// At which of the calls.
    #[must_use]
    pub fn when(&self) -> When {
        self.when
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.target, self.fault)?;
        if self.when != When::ALWAYS {
            write!(f, ":when={}", self.when)?;
        }
        self.file.map_or(Ok(()), |file| write!(f, ":file={file}"))?;
        self.least.map_or(Ok(()), |least| write!(f, ":least={least}"))
    }
}
