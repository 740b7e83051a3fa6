//! Bounds of a template: it comes with a model, from anybody, and is a program.
//!
//! minijinja counts instructions and limits recursion and repeated strings. It does not limit how large a value
//! becomes (`x ~ x` doubles), how wide a format or an indent is, how deep values nest, or that a namespace holds
//! itself. So each instruction that makes, formats or compares values is compiled into a call of a function
//! here, which weighs the operands first. Where nothing here can look, fuel is scarce enough that the rest stays
//! small.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::machinery::{
    CodeGenerator, Instruction, Instructions, Vm, WhitespaceConfig, make_string_output, parse,
};
use minijinja::value::{Rest, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, Value, context};

/// Instructions that a template may take; those of today's models take some thousands.
const FUEL: u64 = 200_000;

/// Bytes of text that literal parts of a template may add up to: fuel is less where they are long.
const LITERALS: u64 = 64 << 20;

/// Bytes that a value, and the prompt, may have beyond a multiple of the messages.
const LARGEST: u64 = 4 << 20;

/// How much larger than the messages a value may be.
const GROWTH: u64 = 16;

/// Bytes and elements that all operands together may have.
const WORK: u64 = 1 << 27;

/// How often a filter that compares elements looks at each: the depth of a sort of as many as there may be.
const SORTING: u64 = 16;

/// What an element of a list or a map counts, beside its own bytes.
const ELEMENT: u64 = 16;

/// How deep values may nest.
const DEPTH: usize = 64;

/// The largest number that a filter or a repetition may be given: a width, a count, a size of batches.
const LARGEST_COUNT: i64 = 1 << 20;

/// The longest template. Those of models have up to some 30 KiB; each byte may nest an expression one level deeper.
pub(super) const LONGEST_TEMPLATE: usize = 128 << 10;

/// The stack of the thread that a template runs on: values may nest as deep as there is fuel to nest them, and
/// are dropped one within the other.
pub(super) const STACK: usize = 256 << 20;

/// Names that no template can write.
const CONCAT: &str = "\u{1}concat";
const ADD: &str = "\u{1}add";
const MULTIPLY: &str = "\u{1}multiply";
const LIST: &str = "\u{1}list";
const MAP: &str = "\u{1}map";
const ITEM: &str = "\u{1}item";
const IN: &str = "\u{1}in";

/// How two values are compared.
type Comparison = fn(&Value, &Value) -> bool;

/// The comparisons and their names.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("\u{1}eq", |a, b| a == b),
    ("\u{1}ne", |a, b| a != b),
    ("\u{1}lt", |a, b| a < b),
    ("\u{1}lte", |a, b| a <= b),
    ("\u{1}gt", |a, b| a > b),
    ("\u{1}gte", |a, b| a >= b),
];

/// What a template has left.
struct Purse {
    largest: u64,
    /// Bytes that the prompt may still take.
    prompt: AtomicU64,
    work: AtomicU64,
}

fn refused(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what.into())
}

impl Purse {
    /// Takes so much of the work that may be done.
    fn spend(&self, weight: u64) -> Result<(), Error> {
        if weight > self.largest {
            return Err(refused(format!("a value of the template grows past {} bytes", self.largest)));
        }
        let left =
            self.work.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(weight));
        left.map(|_| ()).map_err(|_| refused("the template does more work than any prompt needs"))
    }

    /// Weighs values and takes their weight from the work that may be done: bytes of text and elements, each as
    /// often as it is met.
    fn weigh(&self, values: &[Value]) -> Result<u64, Error> {
        let mut weight = 0u64;
        let mut open: Vec<(Value, usize)> = values.iter().map(|value| (value.clone(), 0)).collect();
        while let Some((value, depth)) = open.pop() {
            weight += ELEMENT;
            if let Some(text) = value.as_str() {
                weight += text.len() as u64;
            } else if let Some(bytes) = value.as_bytes() {
                weight += bytes.len() as u64;
            } else if matches!(value.kind(), ValueKind::Seq | ValueKind::Map)
                || (value.kind() == ValueKind::Iterable && value.len().is_some())
            {
                if depth == DEPTH {
                    return Err(refused(format!("a value of the template nests deeper than {DEPTH} levels")));
                }
                for item in value.try_iter()? {
                    if value.kind() == ValueKind::Map {
                        open.push((value.get_item(&item)?, depth + 1));
                    }
                    open.push((item, depth + 1));
                    if weight + open.len() as u64 * ELEMENT > self.largest {
                        break;
                    }
                }
            }
            if weight + open.len() as u64 * ELEMENT > self.largest {
                return Err(refused(format!("a value of the template grows past {} bytes", self.largest)));
            }
        }
        self.spend(weight)?;
        Ok(weight)
    }

    /// Refuses what makes much of little: numbers that are widths or counts, and replacements and separators
    /// that come once for each character.
    fn amplifies(&self, name: &str, arguments: &[Value]) -> Result<(), Error> {
        let texts = |value: &Value| value.as_str().map_or(0, |text| text.len() as u64 + 1);
        for value in arguments {
            if value.is_integer() && i64::try_from(value.clone()).map_or(true, |n| n.abs() > LARGEST_COUNT) {
                return Err(refused(format!("`{name}` with {value}: at most {LARGEST_COUNT} is allowed")));
            }
        }
        // A width stands in the text of a format, too.
        if name == "format" && arguments.first().and_then(Value::as_str).is_some_and(has_wide_field) {
            return Err(refused("a field of a format is wider than 9999 characters"));
        }
        if matches!(name, "replace" | "join" | "batch" | "slice" | "sum") {
            let first =
                arguments.first().map_or(0, |value| texts(value).max(value.len().unwrap_or(0) as u64));
            let others = arguments.iter().skip(1).map(texts).max().unwrap_or(0);
            self.spend(first.saturating_mul(others))?;
        }
        // Each element is compared with others, or formatted over several lines.
        if matches!(name, "sort" | "unique" | "groupby" | "dictsort" | "min" | "max" | "pprint" | "tojson") {
            let weight = self.weigh(&arguments[..arguments.len().min(1)])?;
            self.spend(weight.min(self.largest / SORTING).saturating_mul(SORTING))?;
        }
        if name == "map" {
            let inner = arguments.get(1).and_then(Value::as_str).unwrap_or_default();
            if matches!(inner, "replace" | "join" | "batch" | "slice" | "sum" | "indent" | "format" | "map") {
                return Err(refused(format!("`map` with the filter `{inner}` is not supported")));
            }
        }
        Ok(())
    }

    /// A value as text, no longer than it may be.
    fn text(&self, values: &[Value]) -> Result<String, Error> {
        self.weigh(values)?;
        let mut text = String::new();
        for value in values {
            write!(text, "{value}").map_err(|_| refused("a value cannot be written"))?;
        }
        self.spend(text.len() as u64)?;
        Ok(text)
    }
}

/// Whether a format has a width or a precision of more than four digits.
fn has_wide_field(format: &str) -> bool {
    format.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 4)
}

/// Makes of a template and its variables a prompt, within the bounds. `messages` is how many bytes of them
/// there are.
pub(super) fn render<'t>(
    mut environment: Environment<'t>,
    source: &'t str,
    variables: Value,
    messages: usize,
) -> Result<String, Error> {
    let purse = Arc::new(Purse {
        largest: LARGEST.max((messages as u64).saturating_mul(GROWTH)),
        prompt: AtomicU64::new(LARGEST.max((messages as u64).saturating_mul(GROWTH))),
        work: AtomicU64::new(WORK.max((messages as u64).saturating_mul(GROWTH * GROWTH))),
    });
    let whitespace =
        WhitespaceConfig { keep_trailing_newline: false, lstrip_blocks: true, trim_blocks: true };
    let tree = parse(source, "<string>", Default::default(), whitespace)?;
    let mut code = CodeGenerator::new("<string>", source);
    code.compile_stmt(&tree);
    let (mut root, mut blocks) = code.finish();
    let mut called = Called::default();
    for instructions in std::iter::once(&mut root).chain(blocks.values_mut()) {
        guard(instructions, &mut called)?;
    }
    environment.set_fuel(Some(FUEL.min(LITERALS / called.longest_literal.max(1))));
    add_guards(&mut environment, &purse, &called);
    let mut prompt = String::new();
    Vm::new(&environment).eval(
        &root,
        variables,
        &blocks,
        &mut make_string_output(&mut prompt),
        AutoEscape::None,
    )?;
    Ok(prompt)
}

/// What instructions call by name, and the longest text that they hold.
#[derive(Default)]
struct Called {
    filters: BTreeSet<String>,
    tests: BTreeSet<String>,
    longest_literal: u64,
}

/// The names of the guards of a filter and of a test. They live as long as the program, as instructions hold
/// them by reference; a template has at most as many as its text has words, and a process renders few.
fn leaked(kind: &str, name: &str) -> &'static str {
    Box::leak(format!("\u{1}{kind} {name}").into_boxed_str())
}

/// Replaces each instruction that makes, formats or compares values by a call.
fn guard<'s>(instructions: &mut Instructions<'s>, called: &mut Called) -> Result<(), Error> {
    for index in 0..instructions.len() as u32 {
        let Some(instruction) = instructions.get_mut(index) else { break };
        let call = match instruction {
            Instruction::StringConcat => (CONCAT, Some(2)),
            Instruction::Add => (ADD, Some(2)),
            Instruction::Mul => (MULTIPLY, Some(2)),
            Instruction::GetItem => (ITEM, Some(2)),
            Instruction::In => (IN, Some(2)),
            Instruction::Eq => (COMPARISONS[0].0, Some(2)),
            Instruction::Ne => (COMPARISONS[1].0, Some(2)),
            Instruction::Lt => (COMPARISONS[2].0, Some(2)),
            Instruction::Lte => (COMPARISONS[3].0, Some(2)),
            Instruction::Gt => (COMPARISONS[4].0, Some(2)),
            Instruction::Gte => (COMPARISONS[5].0, Some(2)),
            Instruction::BuildList(count) => match count.map(u16::try_from) {
                Some(Err(_)) => return Err(refused("a list of the template has more than 65535 elements")),
                Some(Ok(count)) => (LIST, Some(count)),
                None => (LIST, None),
            },
            Instruction::BuildMap(pairs) => match u16::try_from(*pairs * 2) {
                Ok(count) => (MAP, Some(count)),
                Err(_) => return Err(refused("a map of the template has more than 32767 entries")),
            },
            Instruction::ApplyFilter(name, count, _) => {
                called.filters.insert((*name).to_owned());
                (leaked("filter", name), *count)
            }
            Instruction::PerformTest(name, count, _) => {
                called.tests.insert((*name).to_owned());
                (leaked("test", name), *count)
            }
            Instruction::CompareAndPreserve(_) => {
                return Err(refused("comparisons in a chain (`a < b < c`) are not supported"));
            }
            Instruction::EmitRaw(text) => {
                called.longest_literal = called.longest_literal.max(text.len() as u64);
                continue;
            }
            _ => continue,
        };
        *instruction = Instruction::CallFunction(call.0, call.1);
    }
    Ok(())
}

/// Evaluates an expression over `a` and `b` outside the template, where instructions are as they were.
fn evaluate(state: &State, expression: &str, a: &Value, b: &Value) -> Result<Value, Error> {
    state.env().compile_expression(expression)?.eval(context! { a => a, b => b })
}

/// Whether a value may be a key: what has parts would be compared part by part.
fn scalar(key: &Value) -> Result<(), Error> {
    match key.kind() {
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable | ValueKind::Plain => {
            Err(refused("a key of a map is a string or a number"))
        }
        _ => Ok(()),
    }
}

fn add_guards(environment: &mut Environment<'_>, purse: &Arc<Purse>, called: &Called) {
    // The built-in one prints whatever there is, at any length.
    environment.add_function("debug", || Err::<Value, Error>(refused("`debug` is not supported")));
    let p = Arc::clone(purse);
    environment.set_formatter(move |out, _, value| {
        let text = p.text(std::slice::from_ref(value))?;
        let length = text.len() as u64;
        let left =
            p.prompt.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length));
        left.map_err(|_| refused(format!("the prompt grows past {} bytes", p.largest)))?;
        out.write_str(&text).map_err(|_| refused("the prompt cannot be written"))
    });
    let p = Arc::clone(purse);
    environment.add_function(CONCAT, move |a: Value, b: Value| p.text(&[a, b]));
    let p = Arc::clone(purse);
    environment.add_function(ADD, move |state: &State, a: Value, b: Value| {
        p.weigh(&[a.clone(), b.clone()])?;
        evaluate(state, "a + b", &a, &b)
    });
    let p = Arc::clone(purse);
    environment.add_function(MULTIPLY, move |state: &State, a: Value, b: Value| {
        if a.is_number() && b.is_number() {
            return evaluate(state, "a * b", &a, &b);
        }
        p.amplifies("*", &[a.clone(), b.clone()])?;
        let weight = p.weigh(&[a.clone(), b.clone()])?;
        let times = [&a, &b].into_iter().find_map(|n| i64::try_from(n.clone()).ok()).unwrap_or(1);
        p.spend(weight.saturating_mul(times.unsigned_abs()))?;
        evaluate(state, "a * b", &a, &b)
    });
    let p = Arc::clone(purse);
    environment.add_function(LIST, move |items: Rest<Value>| {
        p.weigh(&items)?;
        Ok::<_, Error>(Value::from(items.0))
    });
    let p = Arc::clone(purse);
    environment.add_function(MAP, move |items: Rest<Value>| {
        p.weigh(&items)?;
        items.chunks_exact(2).try_for_each(|pair| scalar(&pair[0]))?;
        Ok::<_, Error>(
            items.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect::<Value>(),
        )
    });
    environment.add_function(ITEM, |a: Value, key: Value| {
        scalar(&key)?;
        a.get_item(&key)
    });
    let p = Arc::clone(purse);
    environment.add_function(IN, move |state: &State, a: Value, b: Value| {
        p.weigh(&[a.clone(), b.clone()])?;
        evaluate(state, "a in b", &a, &b)
    });
    for (name, compare) in COMPARISONS {
        let p = Arc::clone(purse);
        environment.add_function(name, move |a: Value, b: Value| {
            p.weigh(&[a.clone(), b.clone()])?;
            Ok::<_, Error>(compare(&a, &b))
        });
    }
    for name in &called.filters {
        let (p, filter) = (Arc::clone(purse), name.clone());
        environment.add_function(
            format!("\u{1}filter {name}"),
            move |state: &State, arguments: Rest<Value>| {
                p.weigh(&arguments)?;
                p.amplifies(&filter, &arguments)?;
                let result = state.apply_filter(&filter, &arguments)?;
                p.weigh(std::slice::from_ref(&result))?;
                Ok::<_, Error>(result)
            },
        );
    }
    for name in &called.tests {
        let (p, test) = (Arc::clone(purse), name.clone());
        environment.add_function(
            format!("\u{1}test {name}"),
            move |state: &State, arguments: Rest<Value>| {
                p.weigh(&arguments)?;
                state.perform_test(&test, &arguments)
            },
        );
    }
    let p = Arc::clone(purse);
    environment.set_unknown_method_callback(move |state, value, method, arguments| {
        let all: Vec<Value> = std::iter::once(value).chain(arguments).cloned().collect();
        p.weigh(&all)?;
        p.amplifies(method, &all)?;
        let result = minijinja_contrib::pycompat::unknown_method_callback(state, value, method, arguments)?;
        p.weigh(std::slice::from_ref(&result))?;
        Ok(result)
    });
}
