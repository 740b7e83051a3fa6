//! Which rules hold which kind of subject, written down a second time.

use loadparity::rules::{Applies, Profile, Rule};

/// The rules that do not hold a subject of each profile.
const WAIVED: [(&str, &[&str]); 4] = [
    ("reference", &[]),
    ("foreign", &["mapped-not-read", "read-once", "reads-inside-file", "resources-released"]),
    ("other-format", &["mapped-not-read", "read-once", "reads-inside-file", "resources-released"]),
    (
        "recording",
        &["plan-taken", "mapped-not-read", "read-once", "direct-aligned", "resources-released", "same-bytes"],
    ),
];

#[test]
fn every_profile_waives_what_is_written_here_with_a_reason() {
    let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name).collect();
    assert_eq!(names, WAIVED.map(|(name, _)| name));
    for (profile, (name, expected)) in Profile::ALL.iter().zip(WAIVED) {
        let mut waived = Vec::new();
        for rule in Profile::REFERENCE.rules() {
            if let Applies::No(reason) = profile.applies(rule) {
                assert!(!reason.is_empty() && !reason.ends_with('.'), "{name} {rule}: {reason}");
                waived.push(rule.id());
            }
        }
        assert_eq!(waived, expected, "{name}");
        let held: Vec<Rule> = profile.rules().collect();
        assert_eq!(held.len() + waived.len(), 21, "{name}");
        assert!(held.iter().all(|rule| profile.applies(*rule) == Applies::Yes), "{name}");
    }
}
