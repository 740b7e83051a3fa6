//! Loading by reads that bypass the page cache, with what remains read buffered when refused.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::read::{self, Piece, pieces, share_out};
use super::spans::{LARGEST_KEPT_GAP, ceil, floor, spans};
use super::{Job, LoadError, Part};
use crate::plan::{LoadPlan, OnRefused};
use crate::platform::{Errno, ErrorKind, File, FileIdentity};
use crate::trace::{NoticeCode, NoticeLevel};

/// A file open for direct reads and the grain its requests must keep, in bytes.
pub(super) struct DirectFile {
    file: Arc<dyn File>,
    grain: u64,
}

/// Opens the file for direct reads; `None` when that was refused and the plan has a fallback.
pub(super) fn open(job: &Job<'_>, plan: LoadPlan) -> Result<Option<DirectFile>, LoadError> {
    let refused = |errno| LoadError::Open { path: job.path.to_owned(), direct: true, errno };
    let attempt = job.platform.open(job.path, true).and_then(|file| {
        let alignment = file.alignment()?;
        Ok((file, alignment))
    });
    // A disk that fails, a limit, a permission: nothing that another way of reading would mend.
    let attempt = match attempt {
        Err(errno) if !matches!(errno.kind, ErrorKind::Invalid | ErrorKind::Unsupported) => {
            return Err(refused(errno));
        }
        attempt => attempt,
    };
    let errno = match attempt {
        Ok((file, alignment)) => {
            // Where the platform does not tell files apart, nothing is known against it.
            let same = |a: FileIdentity, b: FileIdentity| (a.device, a.inode) == (b.device, b.inode);
            let seen = job.file.identity().ok().zip(file.identity().ok());
            if seen.is_some_and(|(first, second)| !same(first, second)) {
                return Err(LoadError::Replaced { path: job.path.to_owned() });
            }
            // Whole pages satisfy every alignment in use and cost nothing: the grain never goes
            // below one. It divides the pieces, and no two spans share a block of it.
            let page = job.platform.limits().page_size;
            let grain = alignment.memory.max(alignment.offset).max(page).next_power_of_two();
            if grain <= LARGEST_KEPT_GAP {
                return Ok(Some(DirectFile { file, grain }));
            }
            Errno { kind: ErrorKind::Unsupported, code: 0, name: format!("alignment {grain}").into() }
        }
        Err(errno) => errno,
    };
    match plan.on_refused {
        Some(OnRefused::Error) => Err(refused(errno)),
        fallback => {
            let instead =
                if fallback == Some(OnRefused::Map) { "the file is mapped" } else { "reads are buffered" };
            let text =
                format!("{}: direct I/O was refused at open: {errno}; {instead} instead", job.path.display());
            job.notice(NoticeLevel::Warning, NoticeCode::DirectRefused, text);
            Ok(None)
        }
    }
}

/// Reads every span directly into aligned buffers.
pub(super) fn load(job: &Job<'_>, plan: LoadPlan, direct: &DirectFile) -> Result<Part, LoadError> {
    let spans = spans(&job.gguf, direct.grain, |index| !job.is_lazy(index));
    let outer: Vec<Range<u64>> =
        spans.iter().map(|s| floor(s.start, direct.grain)..ceil(s.end, direct.grain)).collect();
    let lens = outer.iter().map(|s| s.end - s.start);
    let mut buffers = read::alloc_all(job, lens, direct.grain, plan.lock)?;
    let mut work: Vec<Piece<'_>> = buffers
        .iter_mut()
        .zip(&outer)
        .flat_map(|((buffer, _), s)| pieces(s.start, buffer.bytes_mut()))
        .collect();

    let campaign = Campaign { job, direct, state: Mutex::default() };
    // The first piece goes alone: a file system that refuses direct reads altogether is found out
    // by one call and not by as many as there are readers.
    let rest = work.split_off(work.len().min(1));
    for first in work {
        campaign.take(first);
    }
    share_out(rest, job.options.readers, |piece| campaign.take(piece));
    finish_buffered(job, plan, &spans, campaign.into_state())?;

    let starts: Vec<usize> = spans.iter().zip(&outer).map(|(s, o)| (s.start - o.start) as usize).collect();
    Ok(Part::buffered(job, buffers, &spans, &starts))
}

/// What the readers have found out together.
#[derive(Default)]
struct State<'b> {
    /// The first refusal, by file offset.
    refused: Option<(u64, Errno)>,
    /// What has to come through the page cache.
    left: Vec<Piece<'b>>,
    /// An error that ends the load.
    fatal: Option<LoadError>,
}

struct Campaign<'a, 'j, 'b> {
    job: &'a Job<'j>,
    direct: &'a DirectFile,
    state: Mutex<State<'b>>,
}

impl<'b> Campaign<'_, '_, 'b> {
    fn state(&self) -> MutexGuard<'_, State<'b>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_state(self) -> State<'b> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads one piece, or leaves it (or its rest) for later when direct reads are refused.
    fn take(&self, piece: Piece<'b>) {
        {
            let mut state = self.state();
            if state.fatal.is_some() {
                return;
            }
            if state.refused.is_some() {
                state.left.push(piece);
                return;
            }
        }
        let Piece { offset, dst } = piece;
        match self.read(offset, dst) {
            Ok(()) => self.job.advance(dst.len() as u64),
            Err((done, Refusal::Fatal(error))) => {
                self.job.advance(done as u64);
                self.state().fatal.get_or_insert(error);
            }
            Err((done, Refusal::Direct(errno))) => {
                let at = offset + done as u64;
                let mut state = self.state();
                if state.refused.as_ref().is_none_or(|(first, _)| at < *first) {
                    state.refused = Some((at, errno));
                }
                state.left.push(Piece { offset: at, dst: &mut dst[done..] });
            }
        }
    }

    /// Reads one piece with aligned requests; an error comes with the bytes that did arrive.
    fn read(&self, offset: u64, dst: &mut [u8]) -> Result<(), (usize, Refusal)> {
        let DirectFile { file, grain } = self.direct;
        let file_size = self.job.gguf.file_size;
        let grain = usize::try_from(*grain).unwrap_or(usize::MAX);
        let mut done = 0;
        let mut stuck = 0;
        let mut interrupted = 0;
        while done < dst.len() && offset + (done as u64) < file_size {
            let at = offset + done as u64;
            let arrived = match file.read_at(at, &mut dst[done..]) {
                Ok(0) => return Err((done, Refusal::Fatal(read::truncated(self.job, at)))),
                Ok(n) => n,
                Err(errno) if errno.kind == ErrorKind::Interrupted && interrupted < read::INTERRUPTIONS => {
                    interrupted += 1;
                    continue;
                }
                Err(errno) => {
                    let path = self.job.path.to_owned();
                    return Err(match errno.kind {
                        ErrorKind::Invalid | ErrorKind::BadAddress | ErrorKind::Unsupported => {
                            (done, Refusal::Direct(errno))
                        }
                        _ => (done, Refusal::Fatal(LoadError::Read { path, offset: at, errno })),
                    });
                }
            };
            interrupted = 0;
            if at + arrived as u64 >= file_size {
                touch(&mut dst[done + arrived..]);
                break;
            }
            // Requests start on the grain: what arrived of a block that was cut is asked for again.
            let whole = arrived - arrived % grain;
            done += whole;
            stuck = if whole == 0 { stuck + 1 } else { 0 };
            if stuck == 3 {
                let name = "every read stops inside its first block".into();
                // What came of the block is right: the rest of it is read another way.
                let refusal = Refusal::Direct(Errno { kind: ErrorKind::Other, code: 0, name });
                return Err((done + arrived, refusal));
            }
        }
        Ok(())
    }
}

enum Refusal {
    /// Direct reads do not work here; buffered ones may.
    Direct(Errno),
    /// No way of reading will do.
    Fatal(LoadError),
}

/// Reads what the direct readers left, through the page cache: exactly the missing bytes of the
/// spans and none of the alignment around them.
fn finish_buffered(
    job: &Job<'_>,
    plan: LoadPlan,
    spans: &[Range<u64>],
    state: State<'_>,
) -> Result<(), LoadError> {
    if let Some(fatal) = state.fatal {
        return Err(fatal);
    }
    let Some((offset, errno)) = state.refused else { return Ok(()) };
    if plan.on_refused == Some(OnRefused::Error) {
        return Err(LoadError::Read { path: job.path.to_owned(), offset, errno });
    }
    let mut left: Vec<Piece<'_>> = state.left.into_iter().filter_map(|p| clip(p, spans)).collect();
    left.sort_by_key(|p| p.offset);
    let bytes: usize = left.iter().map(|p| p.dst.len()).sum();
    let text = format!(
        "{}: a direct read at offset {offset} was refused: {errno}; the remaining {bytes} bytes are read buffered",
        job.path.display()
    );
    job.notice(NoticeLevel::Warning, NoticeCode::DirectRefused, text);
    read::read_pieces(job, left)
}

/// The part of a piece that lies in a span; every piece overlaps exactly one.
fn clip<'b>(piece: Piece<'b>, spans: &[Range<u64>]) -> Option<Piece<'b>> {
    let end = piece.end();
    let span = spans.iter().find(|s| piece.offset < s.end && s.start < end)?;
    let from = span.start.max(piece.offset);
    let upto = span.end.min(end);
    let (before, rest) = piece.dst.split_at_mut((from - piece.offset) as usize);
    let (inner, after) = rest.split_at_mut((upto - from) as usize);
    touch(before);
    touch(after);
    Some(Piece { offset: from, dst: inner })
}

/// Writes what no read fills: a lock holds the pages of a buffer from when they are written to.
fn touch(alignment: &mut [u8]) {
    alignment.fill(0);
}
