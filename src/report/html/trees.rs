//! Explorations as trees: a fault under the fault that opened its state.

use maud::{Markup, html};

use super::parts::word;
use super::{text, tone};
use crate::report::page::Branch;

pub(super) fn trees(trees: &[Branch]) -> Markup {
    html! { div id="entries" { @for (at, tree) in trees.iter().enumerate() { (root(at + 1, tree)) } } }
}

fn root(number: usize, tree: &Branch) -> Markup {
    html! {
        details class="entry" id={ "case-" (number) } open[number == 1] data-item
            data-word=[tree.word.as_ref().map(|word| text(&word.text))] {
            summary { (line(tree)) }
            @if tree.branches.is_empty() { p { "No schedule was run." } } @else { (branches(&tree.branches)) }
        }
    }
}

fn branches(found: &[Branch]) -> Markup {
    html! {
        ul class="tree" {
            @for branch in found {
                @let class = branch.word.as_ref().map_or("none", |word| tone(word.tone));
                li class=(class) data-item data-word=[branch.word.as_ref().map(|word| text(&word.text))] {
                    (line(branch))
                    @if !branch.branches.is_empty() { (branches(&branch.branches)) }
                }
            }
        }
    }
}

fn line(branch: &Branch) -> Markup {
    html! {
        @if let Some(cell) = &branch.word { (word(cell)) " " }
        span class="name" { (text(&branch.title)) }
        @if !branch.message.is_empty() { span class="quiet" { ": " (text(&branch.message)) } }
    }
}
