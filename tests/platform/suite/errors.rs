//! Rule 11: errors.

use loadparity::platform::{ErrorKind, MapRequest};

use super::{Behaviour, Content, Verdict, World, refusal};

pub(super) const BEHAVIOURS: &[Behaviour] =
    &[Behaviour { rule: 12, name: "errors.kind_number_and_name_belong_together", check: belong_together }];

/// The errors that the refusals below may be, as the systems' headers have them.
const KNOWN: [(&str, i32, ErrorKind); 7] = [
    ("ENOENT", 2, ErrorKind::NotFound),
    ("EINVAL", 22, ErrorKind::Invalid),
    ("ERROR_FILE_NOT_FOUND", 2, ErrorKind::NotFound),
    ("ERROR_PATH_NOT_FOUND", 3, ErrorKind::NotFound),
    ("ERROR_INVALID_PARAMETER", 87, ErrorKind::Invalid),
    ("ERROR_FILE_INVALID", 1006, ErrorKind::Invalid),
    ("ERROR_MAPPED_ALIGNMENT", 1132, ErrorKind::Invalid),
];

fn belong_together(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(100_000), None)?;
    let file = site.open();
    let map = |offset, len| refusal(file.map(MapRequest { offset, len, populate: false }));
    let missing = refusal(site.platform.open(&site.missing, false));
    for errno in [missing, map(1, 1), map(0, 0), map(0, 100_001)] {
        let known = KNOWN.iter().find(|known| known.0 == errno.name);
        let Some(&(name, code, kind)) = known else { panic!("the suite does not know {errno}") };
        assert_eq!((errno.code, errno.kind), (code, kind), "{errno}");
        assert_eq!(errno.to_string(), format!("{name} ({code})"));
    }
    Ok(())
}
