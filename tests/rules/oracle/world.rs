//! Files of 64 bytes, pages of 4, and loaders that do anything with them.

use loadparity::rules::{Tensor, WeightFile, Weights};
use loadparity::trace::NoticeCode;
use proptest::prelude::*;

use super::naive::Byte;

pub const PAGE: u64 = 4;
pub const SIZE: u64 = 64;
const TENSORS: [std::ops::Range<u64>; 3] = [8..20, 24..50, 50..64];

const DATA_START: u64 = 8;

/// A model of one file or two.
#[derive(Clone, Debug)]
pub struct World {
    pub files: usize,
}

impl World {
    pub fn file_of(path: &str) -> usize {
        usize::from(path == "b.gguf")
    }

    pub fn path(file: usize) -> &'static str {
        ["a.gguf", "b.gguf"][file]
    }

    pub fn tensor_bytes(&self) -> Vec<Byte> {
        let of = |file| TENSORS.into_iter().flatten().map(move |at| (file, at));
        (0..self.files).flat_map(of).collect()
    }

    pub fn weighs(&self, (file, at): Byte) -> bool {
        file < self.files && TENSORS.iter().any(|tensor| tensor.contains(&at))
    }

    /// Whether a read is of the header, with no more of the weights behind it than a buffer brings along.
    pub fn is_header(&self, file: usize, read: std::ops::Range<u64>) -> bool {
        file < self.files && read.start < DATA_START && read.end <= DATA_START + (64 << 10)
    }

    pub fn weights(&self) -> Weights {
        let file = |index| {
            let tensors: Vec<Tensor> = (0..)
                .zip(TENSORS)
                .map(|(number, range): (u32, _)| Tensor { name: format!("t{number}"), range })
                .collect();
            let bytes = tensors.iter().map(|tensor| tensor.range.clone()).collect();
            let path = Self::path(index).to_owned();
            WeightFile { path, identity: None, size: SIZE, data_start: DATA_START, tensors, bytes }
        };
        Weights { files: (0..self.files).map(file).collect(), tolerance: 0 }
    }
}

/// One thing that a loader does. Numbers choose among what there is.
#[derive(Clone, Debug)]
pub enum Step {
    Open {
        file: usize,
        direct: bool,
        refused: bool,
    },
    SetDirect {
        file: usize,
        refused: bool,
    },
    Map {
        file: usize,
        page: u64,
        pages: u64,
    },
    Alloc {
        len: u64,
    },
    /// To a place in a region, to memory of no region, or to nobody knows where.
    Read {
        file: usize,
        start: u64,
        len: u64,
        place: Place,
    },
    Lock {
        region: usize,
        offset: u64,
        len: u64,
        refused: bool,
    },
    Unlock {
        region: usize,
        offset: u64,
        len: u64,
    },
    Unmap {
        region: usize,
        page: u64,
        len: u64,
    },
    Remap {
        region: usize,
        len: u64,
    },
    Fork,
    Process(usize),
    Exit,
    Next,
    Warn(NoticeCode),
    Close {
        file: usize,
    },
    /// Maps a whole file.
    MapAll {
        file: usize,
    },
    /// Maps the front of a file, locks that or not, and lets it grow over the whole file.
    MapGrown {
        file: usize,
        locked: bool,
    },
    /// Allocates a region and reads all tensors of a file into it.
    ReadAll {
        file: usize,
        pieces: u64,
    },
    LockAll {
        pieces: u64,
        refused: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum Place {
    Region(usize, u64),
    Heap(u64),
    Unknown,
}

fn step() -> impl Strategy<Value = Step> {
    let (file, region) = (0usize..2, 0usize..6);
    let offset = || 0..SIZE;
    let len = || 0..=SIZE;
    let seldom = || prop::bool::weighted(0.15);
    let place = prop_oneof![
        6 => (0usize..6, 0..SIZE).prop_map(|(region, at)| Place::Region(region, at)),
        2 => (0..SIZE).prop_map(Place::Heap),
        1 => Just(Place::Unknown),
    ];
    let code = prop_oneof![Just(NoticeCode::LockRefused), Just(NoticeCode::DirectRefused)];
    prop_oneof![
        2 => (file.clone(), prop::bool::weighted(0.3), seldom())
            .prop_map(|(file, direct, refused)| Step::Open { file, direct, refused }),
        1 => (file.clone(), seldom()).prop_map(|(file, refused)| Step::SetDirect { file, refused }),
        3 => (file.clone(), 0..SIZE / PAGE, 1..=SIZE / PAGE)
            .prop_map(|(file, page, pages)| Step::Map { file, page, pages }),
        1 => (1..=SIZE).prop_map(|len| Step::Alloc { len }),
        4 => (file.clone(), offset(), len(), place)
            .prop_map(|(file, start, len, place)| Step::Read { file, start, len, place }),
        3 => (region.clone(), offset(), 1..=SIZE, seldom())
            .prop_map(|(region, offset, len, refused)| Step::Lock { region, offset, len, refused }),
        2 => (region.clone(), offset(), 1..=SIZE)
            .prop_map(|(region, offset, len)| Step::Unlock { region, offset, len }),
        2 => (region.clone(), 0..SIZE / PAGE, len())
            .prop_map(|(region, page, len)| Step::Unmap { region, page, len }),
        1 => (region, 1..=SIZE).prop_map(|(region, len)| Step::Remap { region, len }),
        1 => Just(Step::Fork),
        1 => (0usize..3).prop_map(Step::Process),
        1 => Just(Step::Exit),
        2 => Just(Step::Next),
        1 => code.prop_map(Step::Warn),
        1 => file.clone().prop_map(|file| Step::Close { file }),
        4 => file.clone().prop_map(|file| Step::MapAll { file }),
        2 => (file.clone(), any::<bool>()).prop_map(|(file, locked)| Step::MapGrown { file, locked }),
        4 => (file, 1u64..5).prop_map(|(file, pieces)| Step::ReadAll { file, pieces }),
        3 => (1u64..17, seldom()).prop_map(|(pieces, refused)| Step::LockAll { pieces, refused }),
    ]
}

/// Arbitrary loads.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..14)
}
