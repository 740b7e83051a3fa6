//! Rules 1 and 11: open, and what was opened.

use loadparity::platform::ErrorKind;

use super::{Behaviour, Content, NotRun, Verdict, World, assert_refused, read_vec, supported};

pub(super) const BEHAVIOURS: &[Behaviour] = &[
    Behaviour { rule: 1, name: "open.missing_file_is_not_found", check: missing },
    Behaviour { rule: 1, name: "open.each_open_stands_alone", check: independent },
    Behaviour { rule: 1, name: "open.size_is_the_files", check: size },
    Behaviour { rule: 1, name: "open.flags_tell_direct_from_buffered", check: flags },
    Behaviour { rule: 1, name: "open.direct_is_never_quietly_buffered", check: honest_direct },
    Behaviour { rule: 11, name: "open.identity_is_the_files", check: identity },
];

fn missing(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(10), None)?;
    for direct in [false, true] {
        assert_refused(site.platform.open(&site.missing, direct), ErrorKind::NotFound);
    }
    Ok(())
}

fn independent(world: &dyn World) -> Verdict {
    let content = Content::pattern(1000);
    let site = world.site(&content, None)?;
    let (first, second) = (site.open(), site.open());
    drop(first);
    assert_eq!(read_vec(&*second, 7, 100), content.at(7, 100));
    Ok(())
}

fn size(world: &dyn World) -> Verdict {
    for size in [0, 1, 4097, (5 << 30) + 3] {
        let site = world.site(&Content { size, pieces: Vec::new() }, None)?;
        assert_eq!(site.open().size(), Ok(size));
    }
    Ok(())
}

/// Two opens of a file are of one, direct or not; another file is another.
fn identity(world: &dyn World) -> Verdict {
    let (site, other) =
        (world.site(&Content::pattern(1000), None)?, world.site(&Content::pattern(10), None)?);
    let identity = supported("asking which file it is", site.open().identity())?.expect("an open file");
    assert_eq!(identity.size, 1000);
    assert_eq!(site.open().identity(), Ok(identity));
    if let Ok(direct) = site.open_direct() {
        assert_eq!(direct.identity(), Ok(identity));
    }
    assert_eq!(other.open().identity().map(|identity| identity.size), Ok(10));
    Ok(())
}

fn flags(world: &dyn World) -> Verdict {
    let platform = world.site(&Content::pattern(1), None)?.platform;
    let (buffered, direct) = (platform.open_flags(false), platform.open_flags(true));
    assert_ne!(buffered.names, direct.names);
    assert!(buffered.names.is_sorted() && direct.names.is_sorted());
    assert!(!buffered.names.is_empty());
    Ok(())
}

/// What only a file that truly bypasses the cache does is to refuse what a buffered one serves.
fn honest_direct(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(100_000), None)?;
    let direct = site.open_direct()?;
    let alignment = direct.alignment().expect("a direct file has an alignment");
    if !alignment.enforced {
        return Err(NotRun("nothing tells a direct read from a buffered one here".to_owned()));
    }
    assert_refused(direct.read_at(1, &mut [0; 3]), ErrorKind::Invalid);
    assert_eq!(site.open().read_at(1, &mut [0; 3]), Ok(3));
    Ok(())
}
