//! What a timeline looks like.

use super::{Canvas, samples, svg, view};
use crate::check::document::{Lane, Timeline, TimelineDocument};

fn drawn(document: &TimelineDocument, width: usize, unicode: bool) -> String {
    view(document, Canvas { width, unicode }).join("\n")
}

#[test]
fn a_timeline_in_characters() {
    let document = samples::document();
    insta::assert_snapshot!("timeline_60", drawn(&document, 60, true));
    insta::assert_snapshot!("timeline_120_ascii", drawn(&document, 120, false));
}

#[test]
fn a_timeline_as_a_picture() {
    insta::assert_snapshot!("timeline_svg", svg(&samples::document()).replace("><", ">\n<"));
}

#[test]
fn nothing_is_wider_than_it_may_be_and_nothing_panics() {
    let mut document = samples::document();
    document.source.command = vec!["漢".repeat(300), "\u{202e}\u{1b}[31m".to_owned()];
    document.timeline.files[0].path = format!("/a/{}.gguf", "n".repeat(300));
    for width in [0, 1, 40, 60, 200] {
        for unicode in [true, false] {
            let text = drawn(&document, width, unicode);
            assert!(text.lines().all(|line| line.chars().count() <= width.max(40)), "{width}\n{text}");
            assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text}");
        }
    }
    document.timeline = Timeline::default();
    assert!(drawn(&document, 60, true).contains("no call on a model was recorded"));
    assert!(svg(&document).contains("no call on a model was recorded"));
}

#[test]
fn what_is_left_out_is_counted() {
    let mut document = samples::document();
    let timeline = &mut document.timeline;
    timeline.lanes.extend((2..60).map(|thread| Lane { process: 0, thread }));
    assert!(drawn(&document, 80, true).contains("and 44 more threads"));
    assert!(svg(&document).contains("and 28 more threads"));
}

#[test]
fn a_picture_holds_no_markup_of_others() {
    let mut document = samples::document();
    document.source.command = vec!["</svg><script>alert(1)</script>\u{fffe}\u{202e}".to_owned()];
    document.timeline.files[0].path = "\"><script>.gguf".to_owned();
    let svg = svg(&document);
    assert!(!svg.contains("<script") && !svg.contains(['\u{fffe}', '\u{202e}']), "{svg}");
}
