//! What a source file names: the modules at the root of its crate, `unsafe`, switches on the
//! operating system.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, File, ItemExternCrate, ItemMod, ItemUse, LitStr, Macro, Meta, UseTree};

/// The root itself: a glob of it, or the root under another name.
pub(crate) const ROOT: &str = "crate";

/// By these a condition asks for the operating system.
const SYSTEMS: [&str; 5] = ["target_os", "target_family", "target_vendor", "unix", "windows"];

/// What one file names, each with its line.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Modules at the root, or [`ROOT`].
    pub rooms: Vec<(usize, String)>,
    pub unsafe_words: Vec<usize>,
    pub system_switches: Vec<usize>,
}

/// Reads the text of a module, which stands at `module` from the root of its crate.
pub(crate) fn read(text: &str, module: &[&str]) -> syn::Result<Seen> {
    let module = module.iter().map(ToString::to_string).collect();
    let mut reader = Reader { module, seen: Seen::default() };
    reader.visit_file(&syn::parse_str::<File>(text)?);
    // These are words, the same in a tree and in the arguments of a macro.
    reader.seen.words(syn::parse_str(text)?);
    Ok(reader.seen)
}

impl Seen {
    fn words(&mut self, tokens: TokenStream) {
        use TokenTree::{Group, Ident, Punct};
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for at in 0..tokens.len() {
            match &tokens[at..] {
                [Ident(word), ..] if word == "unsafe" => self.unsafe_words.push(line(word.span())),
                [Ident(word), Group(condition), ..] | [Ident(word), Punct(_), Group(condition), ..]
                    if (word == "cfg" || word == "cfg_attr") && asks_for_system(condition.stream()) =>
                {
                    self.system_switches.push(line(word.span()));
                }
                [Group(group), ..] => self.words(group.stream()),
                _ => (),
            }
        }
    }
}

fn asks_for_system(condition: TokenStream) -> bool {
    condition.into_iter().any(|token| match token {
        TokenTree::Ident(word) => SYSTEMS.iter().any(|system| word == system),
        TokenTree::Group(group) => asks_for_system(group.stream()),
        _ => false,
    })
}

fn line(span: Span) -> usize {
    span.start().line
}

struct Reader {
    module: Vec<String>,
    seen: Seen,
}

impl Reader {
    /// Notes what a path names at the root, if it leads there.
    fn path(&mut self, segments: &[String], at: Span) {
        let start = usize::from(segments[0] == "self");
        let up = segments[start..].iter().take_while(|segment| *segment == "super").count();
        let name = if segments[0] == "crate" {
            segments.get(1)
        } else if up > 0 && up >= self.module.len() {
            segments.get(start + up)
        } else {
            None
        };
        if let Some(name) = name {
            let name = if name == "*" || name == "self" { ROOT } else { name };
            self.seen.rooms.push((line(at), name.to_owned()));
        }
    }

    /// Every path of an import.
    fn tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) => self.path(&with(&name.ident), name.ident.span()),
            UseTree::Rename(rename) => {
                // `crate as x` says what `crate::{self as x}` does.
                let segments = [with(&rename.ident), vec!["self".to_owned()]].concat();
                self.path(&segments, rename.ident.span());
            }
            UseTree::Glob(glob) => self.path(&with(&"*"), glob.star_token.spans[0]),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before)),
        }
    }

    /// Every path in the arguments of a macro or an attribute. Some attributes have paths as `texts`.
    fn arguments(&mut self, tokens: TokenStream, texts: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(_) if !matches!(&tokens[..at], [.., a, b] if colons(a, b)) => {
                    self.path_of(&tokens[at..], &[]);
                }
                TokenTree::Group(group) => self.arguments(group.stream(), texts),
                TokenTree::Literal(literal) if texts => {
                    let text = syn::parse2::<LitStr>(TokenTree::from(literal.clone()).into());
                    if let Ok(tokens) = text.and_then(|text| text.parse::<TokenStream>()) {
                        self.arguments(tokens, false);
                    }
                }
                _ => (),
            }
        }
    }

    /// The path that starts with the first token, or the paths if that is a group in braces.
    fn path_of(&mut self, tokens: &[TokenTree], before: &[String]) {
        let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
        match tokens {
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                inner.split(comma).for_each(|branch| self.path_of(branch, before));
            }
            [word, rest @ ..] => {
                let segments = [before, &[word.to_string()]].concat();
                match rest {
                    [a, b, next @ ..] if colons(a, b) => self.path_of(next, &segments),
                    _ => self.path(&segments, word.span()),
                }
            }
            [] => (),
        }
    }
}

fn colons(a: &TokenTree, b: &TokenTree) -> bool {
    [a, b].iter().all(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ':'))
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&item.tree, &[]);
        visit::visit_item_use(self, item);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast ItemExternCrate) {
        if item.ident == "self" {
            self.seen.rooms.push((line(item.ident.span()), ROOT.to_owned()));
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&segments, path.segments[0].ident.span());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.arguments(call.tokens.clone(), false);
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.arguments(list.tokens.clone(), true);
        }
        visit::visit_attribute(self, attribute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The rooms that a file of `src/check/rules.rs` names.
    fn rooms(text: &str) -> Vec<String> {
        let seen = read(text, &["check", "rules"]).expect("a source file");
        seen.rooms.into_iter().map(|(_, name)| name).collect()
    }

    #[rstest]
    #[case::one("use crate::trace::{Op, Phase};", &["trace", "trace"])]
    #[case::group("use crate::{plan, trace};", &["plan", "trace"])]
    #[case::nested("use crate::{plan::{self, flags::*}, trace::Op as O};", &["plan", "plan", "trace"])]
    #[case::group_of_all("use {crate::plan, std::fs, crate::{gguf}};", &["plan", "gguf"])]
    #[case::renamed("pub(crate) use crate::plan as p;", &["plan"])]
    #[case::glob("use crate::*;", &[ROOT])]
    #[case::root("use crate as root;", &[ROOT])]
    #[case::root_in_a_group("use crate::{self as root};", &[ROOT])]
    #[case::extern_root("extern crate self as root;", &[ROOT])]
    #[case::in_a_function("fn f() { use crate::plan::x; x() }", &["plan"])]
    #[case::over_lines("use crate::\n    plan;", &["plan"])]
    #[case::upward("use super::super::plan; use self::super::super::gguf::x;", &["plan", "gguf"])]
    #[case::glob_upward("use super::super::*;", &[ROOT])]
    #[case::upward_from_within("mod a { use super::super::super::plan; use super::super::b; }", &["plan"])]
    #[case::beside("use super::x; use self::y; use super::*; use std::fs; use plan::z;", &[])]
    fn imports(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(rooms(text), expected);
    }

    #[rstest]
    #[case::calls("fn f() { let x = crate::plan::resolve(crate::gguf::read::<u8>()); }", &["plan", "gguf"])]
    #[case::types("fn f(x: &crate::plan::Plan) -> Vec<crate::gguf::Gguf> { x }", &["plan", "gguf"])]
    #[case::bounds("impl<T: crate::a::A> crate::c::C for S<T> where T: crate::b::B {}", &["a", "b", "c"])]
    #[case::qualified("type T = <crate::a::A as crate::b::B>::C;", &["a", "b"])]
    #[case::patterns("fn f() { match x { crate::a::A { .. } | crate::b::B(_) | crate::c::C => () } }", &["a", "b", "c"])]
    #[case::structs("fn f() { crate::a::A { x: crate::b::B } }", &["a", "b"])]
    #[case::visibility("pub(crate) struct A; pub(in crate::check) struct B;", &["check"])]
    #[case::upward("fn f() { super::super::plan::resolve() }", &["plan"])]
    #[case::tests("#[cfg(test)] mod tests { fn f() { crate::plan::x() } }", &["plan"])]
    #[case::no_code("// crate::a\n/* crate::b */ /// crate::c\nconst A: &str = \"crate::d\";", &[])]
    fn paths(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(rooms(text), expected);
    }

    #[rstest]
    #[case::arguments("fn f() { println!(\"{}\", crate::plan::x(&[crate::gguf::y])); }", &["plan", "gguf"])]
    #[case::item("thread_local! { static A: crate::plan::A = crate::gguf::B; }", &["plan", "gguf"])]
    #[case::rules("macro_rules! m { ($x:expr) => { $crate::plan::f($x) }; }", &["plan"])]
    #[case::import("macro_rules! m { () => { use crate::{plan::{a, b}, gguf, *}; }; }", &["plan", "plan", "gguf", ROOT])]
    #[case::upward("m!(super::super::plan::x, super::y);", &["plan"])]
    #[case::nested("m! { n!(pub(crate) crate :: plan) }", &["plan"])]
    #[case::text("m!(\"crate::plan\");", &[])]
    #[case::attribute("#[arg(value_parser = crate::plan::x)] struct A;", &["plan"])]
    #[case::text_in_an_attribute("#[serde(with = \"crate::plan::x\")] struct A;", &["plan"])]
    #[case::path_of_an_attribute("#[crate::plan::x] struct A;", &["plan"])]
    fn macros_and_attributes(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(rooms(text), expected);
    }

    #[test]
    fn a_place_is_a_line() {
        let seen = read("\nuse crate::{\n    a,\n    b,\n};\n", &["check"]).expect("a source file");
        assert_eq!(seen.rooms, [(3, "a".to_owned()), (4, "b".to_owned())]);
    }

    #[test]
    fn unsafe_and_switches_are_seen_in_macros_too() {
        let text = "
            unsafe impl A for B {}
            fn f() { m!(unsafe { g() }) }
            #[cfg(unix)] fn g() {}
            fn h() { assert!(cfg!(any(test, target_os = \"linux\"))) }
            #[cfg_attr(windows, allow(x))] #[cfg(test)] fn i() {}
            #[cfg(target_arch = \"x86_64\")] fn unix() { let text = \"unsafe cfg(unix)\"; } // unsafe
            m! { #[cfg(not(target_family = \"unix\"))] fn j() {} }
        ";
        let seen = read(text, &["check"]).expect("a source file");
        assert_eq!(seen.unsafe_words, [2, 3]);
        assert_eq!(seen.system_switches, [4, 5, 6, 8]);
    }
}
