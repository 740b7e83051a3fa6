//! `loadparity migrate`: files from one dialect to another, as a diff or in place.
//!
//! Exit codes: 0 nothing was refused, 1 something cannot be migrated, 2 usage or a file that cannot be
//! read or written.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use similar::TextDiff;

use super::exit::Exit;
use crate::migrate::{self, Kind, Migration};
use crate::plan::{Dialect, Spelling};
use crate::platform::keep_owner;
use crate::platform::temporary::TemporaryFile;

/// Exit code when something cannot be migrated.
const REFUSED: u8 = 1;

/// Arguments of `migrate`.
#[derive(Clone, Debug, Args)]
pub struct MigrateArgs {
    /// The rules the files are written for.
    #[arg(long, value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    from: Dialect,

    /// The rules they are to be written for.
    #[arg(long, value_name = "NAME|FILE|BUILD", value_parser = crate::cli::dialect_arg::dialect)]
    to: Dialect,

    /// Change the files, and print nothing of them.
    #[arg(long)]
    write: bool,

    /// What the files are, instead of what their names and contents say.
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    kind: Option<Kind>,

    /// Scripts, units, Dockerfiles, compose files, manifests, presets: what --kind names. Of any other file
    /// the lines with load flags are named, and it stays as it is.
    #[arg(value_name = "FILE", required_unless_present = "line")]
    files: Vec<PathBuf>,

    /// A command line or its arguments; the new line is printed.
    #[arg(last = true, value_name = "ARGS", allow_hyphen_values = true)]
    line: Vec<String>,
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    let of = |name: String| Kind::ALL.into_iter().find(|kind| kind.name() == name);
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(move |name| of(name).ok_or("no such kind"))
}

/// Runs `migrate`: diffs go to `out`, everything that is said about a file to `err`.
pub(super) fn run(args: &MigrateArgs, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    // Lazy modes stay as they are, so that what a build says of the load as a whole is all that counts.
    let args = &MigrateArgs { from: args.from.as_a_whole(), to: args.to.as_a_whole(), ..args.clone() };
    // The readers know the programs and the variables of that family, and would see nothing of another.
    let family = Dialect::reference().rules().family;
    let foreign = [args.from, args.to].into_iter().find(|dialect| dialect.rules().family != family);
    if let Some(dialect) = foreign {
        if !args.files.is_empty() {
            return Exit::usage(format!(
                "the {dialect} dialect is not one of {family}'s, whose programs `migrate` finds in files; a line behind `--` is translated"
            ));
        }
        return match migrate::migrate_words(&args.line, args.from, args.to) {
            Ok(words) => {
                let line = Spelling::flags(words).to_string();
                writeln!(out, "{line}").map_or_else(Exit::unwritten, |()| Exit::Code(0))
            }
            Err(error) => writeln!(err, "command line:1: cannot be migrated: {error}")
                .map_or_else(Exit::unwritten, |()| Exit::Code(REFUSED)),
        };
    }
    match all(args, out, err) {
        Ok(code) => Exit::Code(code),
        Err(error) => Exit::unwritten(error),
    }
}

fn all(args: &MigrateArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let mut code = 0;
    for path in &args.files {
        code = code.max(file(args, path, out, err)?);
    }
    if !args.line.is_empty() {
        let migration = migrate::migrate_line(&args.line, args.from, args.to);
        let said = say("command line", &migration, err)?;
        if said == 0 {
            out.write_all(&migration.text)?;
            writeln!(out)?;
        }
        code = code.max(said);
    }
    Ok(code)
}

fn file(args: &MigrateArgs, path: &Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let shown = path.display().to_string();
    let old = match super::input::read(path) {
        Ok(old) => old,
        Err(error) => {
            writeln!(err, "{shown}: cannot be read: {error}")?;
            return Ok(2);
        }
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(kind) = args.kind.or_else(|| migrate::detect(&name, &old)) else {
        let refused = migrate::look_through(&old, args.from, args.to);
        for refusal in &refused {
            writeln!(err, "{shown}:{}: cannot be migrated: {}", refusal.line, refusal.text)?;
        }
        if refused.is_empty() {
            writeln!(err, "{shown}: unchanged (no kind that is read, no load flag or load variable)")?;
        }
        return Ok(if refused.is_empty() { 0 } else { REFUSED });
    };
    let migration = migrate::migrate(kind, &old, args.from, args.to);
    let code = say(&shown, &migration, err)?;
    if code != 0 {
        return Ok(code);
    }
    let commands = match migration.plans.len() {
        0 => "no llama command or load variable".to_owned(),
        1 => "1 load".to_owned(),
        count => format!("{count} loads"),
    };
    let changed = migration.text != old;
    let what = match (changed, args.write) {
        (false, _) => "unchanged",
        (true, false) => "would change",
        (true, true) => "changed",
    };
    if changed && args.write {
        if let Err(error) = replace(path, &old, &migration.text) {
            writeln!(err, "{shown}: cannot be written: {error}")?;
            return Ok(super::exit::of_unwritten(&error));
        }
    } else if changed {
        diff(&shown, &old, &migration.text, out)?;
    }
    writeln!(err, "{shown}: {what} ({kind}, {commands})")?;
    Ok(0)
}

/// Says what there is to say; the exit code.
fn say(shown: &str, migration: &Migration, err: &mut dyn Write) -> io::Result<u8> {
    for remark in &migration.remarks {
        writeln!(err, "{shown}:{}: note: {}", remark.line, remark.text)?;
    }
    for refusal in &migration.refusals {
        writeln!(err, "{shown}:{}: cannot be migrated: {}", refusal.line, refusal.text)?;
    }
    Ok(if migration.refusals.is_empty() { 0 } else { REFUSED })
}

fn diff(shown: &str, old: &[u8], new: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let diff = TextDiff::from_lines(old, new);
    let unified = diff.unified_diff();
    // The library's own writer of the whole replaces bytes that are not UTF-8; that of a hunk keeps them.
    for (number, hunk) in unified.iter_hunks().enumerate() {
        if number == 0 {
            writeln!(out, "--- a/{shown}\n+++ b/{shown}")?;
        }
        hunk.to_writer(&mut *out)?;
    }
    Ok(())
}

/// Writes beside the file and renames, so that there is never half a file; mode and owner stay, and a
/// link stays a link.
fn replace(path: &Path, old: &[u8], text: &[u8]) -> io::Result<()> {
    // The file that a link names is changed, not the link.
    let path = fs::canonicalize(path)?;
    let before = fs::metadata(&path)?;
    // Who may replace a file but not write to it did not mean this one.
    fs::File::options().append(true).open(&path)?;
    let file = TemporaryFile::beside(&path)?;
    // At no time may more people read it than before.
    file.as_file().set_permissions(before.permissions())?;
    file.as_file().write_all(text)?;
    keep_owner(&before, file.as_file())?;
    file.as_file().set_permissions(before.permissions())?;
    file.as_file().sync_all()?;
    if fs::read(&path)? != old {
        return Err(io::Error::other("it changed while it was read; run it again"));
    }
    file.persist(&path)?;
    Ok(())
}
