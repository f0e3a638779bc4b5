//! No circles: within a folder of `src`, files that use each other stand in an order too.
//!
//! A file uses another when a path in it leads into that one, in a `use`, a `pub use` or an expression. A `mod` line is
//! no use. So a `mod.rs` that re-exports a file uses it, and that file names nothing of the `mod.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::Peekable,
};

use super::{assert_none, sources};

/// The path of a module from the crate's root.
type Module = Vec<String>;

/// The module that a file is: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The names and the signs that paths consist of.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let length = if name > 0 {
            name
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        if !token.trim().is_empty() {
            tokens.push(token);
        }
        rest = after;
    }
    tokens
}

/// A path that a file names, and the name by which a `use` makes it known.
struct Named {
    path: Vec<String>,
    import: Option<String>,
}

/// The paths of a text.
fn paths(code: &str) -> Vec<Named> {
    let mut found = Vec::new();
    let mut tokens = tokens(code).into_iter().peekable();
    while let Some(token) = tokens.next() {
        if token == "use" {
            tree(&mut tokens, &[], &mut found);
        } else if token == "pub" && tokens.next_if_eq(&"(").is_some() {
            // `pub(in crate::x)` says who may use this.
            tokens.by_ref().find(|token| *token == ")");
        } else if is_name(token) {
            let mut path = vec![token.to_owned()];
            while tokens.next_if_eq(&"::").is_some() {
                path.extend(tokens.next_if(|next| is_name(next)).map(str::to_owned));
            }
            if path.len() > 1 {
                found.push(Named { path, import: None });
            }
        }
    }
    found
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads a tree of a `use`: a path, or its beginning and a group in braces.
fn tree<'a>(tokens: &mut Peekable<impl Iterator<Item = &'a str>>, before: &[String], found: &mut Vec<Named>) {
    let mut path = before.to_vec();
    let mut import = None;
    while let Some(token) = tokens.next_if(|token| !matches!(*token, "," | ";" | "}")) {
        match token {
            "{" => {
                while tokens.peek().is_some_and(|token| *token != "}") {
                    tree(tokens, &path, found);
                    tokens.next_if_eq(&",");
                }
                tokens.next();
                return;
            }
            "self" if !path.is_empty() => {}
            "as" => import = tokens.next().map(str::to_owned),
            name if is_name(name) => path.push(name.to_owned()),
            _ => {}
        }
    }
    if path.is_empty() {
        return; // `use<…>`, which is no import
    }
    let import = import.or_else(|| path.last().cloned());
    found.push(Named { path, import });
}

/// The modules of its own room that a module uses.
fn uses(own: &Module, code: &str, modules: &BTreeSet<Module>) -> BTreeSet<Module> {
    let named = paths(code);
    let mut known: BTreeMap<&str, Module> = BTreeMap::new();
    for Named { path, import } in &named {
        if let (Some(import), Some((at, true))) = (import, lead(own, path, modules, &BTreeMap::new())) {
            known.insert(import, at);
        }
    }
    let led = named.iter().filter_map(|Named { path, .. }| lead(own, path, modules, &known));
    led.map(|(at, _)| at).filter(|at| at != own && at.first() == own.first()).collect()
}

/// The module that a path leads into, and whether it ends there.
fn lead(
    own: &Module,
    path: &[String],
    modules: &BTreeSet<Module>,
    known: &BTreeMap<&str, Module>,
) -> Option<(Module, bool)> {
    let mut at = own.clone();
    let mut rest = path;
    match &*path[0] {
        "crate" => (at, rest) = (Vec::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            let ups = path.iter().take_while(|name| *name == "super").count();
            at.truncate(own.len().checked_sub(ups)?);
            rest = &path[ups..];
        }
        name => match known.get(name) {
            Some(module) => (at, rest) = (module.clone(), &path[1..]),
            None if modules.contains(&[&**own, &path[..1]].concat()) => {}
            None => return None,
        },
    }
    while let Some((name, after)) = rest.split_first()
        && modules.contains(&[&*at, std::slice::from_ref(name)].concat())
    {
        at.push(name.clone());
        rest = after;
    }
    (!at.is_empty()).then_some((at, rest.is_empty()))
}

/// The circles among files, given as their path and their code: for each, the shortest way round.
fn circles(files: &[(String, String)]) -> Vec<String> {
    let modules: BTreeSet<Module> = files.iter().map(|(path, _)| module(path)).collect();
    let graph: BTreeMap<Module, BTreeSet<Module>> =
        files.iter().map(|(path, code)| (module(path), uses(&module(path), code, &modules))).collect();
    let rings = graph.keys().filter_map(|start| ring(start, &graph));
    let rings: BTreeSet<Vec<String>> = rings.collect();
    rings.into_iter().map(|ring| ring.join(" uses ")).collect()
}

/// The shortest way from a module back to itself, written from its first name in the alphabet on.
fn ring(start: &Module, graph: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in &graph[way[way.len() - 1]] {
                if next == start {
                    let mut names: Vec<String> = way.iter().map(|module| module.join("::")).collect();
                    let first = (0..names.len()).min_by_key(|at| names[*at].clone())?;
                    names.rotate_left(first);
                    names.push(names[0].clone());
                    return Some(names);
                }
                if seen.insert(next) {
                    longer.push([&*way, &[next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

#[test]
fn the_reader_of_paths_sees_a_circle() {
    let files = |files: &[(&str, &str)]| -> Vec<(String, String)> {
        files.iter().map(|(path, code)| ((*path).to_owned(), (*code).to_owned())).collect()
    };
    let straight = [
        ("room/mod.rs", "mod low; pub mod high; pub use high::Top; fn routes() { low::list() }"),
        (
            "room/low.rs",
            "use crate::domain::Id; use super::super::other::Thing; pub(in crate::room) fn list() { Self::x(); io::y() }",
        ),
        ("room/high/mod.rs", "mod deep; pub use self::deep::Deep; use super::low::{self, Base as Bottom};"),
        ("room/high/deep.rs", "fn f() { super::super::low::list() }"),
        ("other.rs", "use crate::room::Top;"),
        ("domain/mod.rs", ""),
    ];
    assert_eq!(circles(&files(&straight)), [""; 0]);
    // One more line closes a circle.
    for (at, line, circle) in [
        (1, "use super::{high::{deep, Top}};", "room::high uses room::low uses room::high"),
        (1, "fn f() { crate::room::high::x() }", "room::high uses room::low uses room::high"),
        (1, "use super::high as h; fn f() { h::deep::x() }", "room::high::deep uses room::low uses room::high::deep"),
        (1, "use super::*;", "room uses room::low uses room"),
        (2, "use crate::room;", "room uses room::high uses room"),
        (3, "use super::Deep;", "room::high uses room::high::deep uses room::high"),
    ] {
        let mut files = files(&straight);
        files[at].1.push_str(line);
        assert!(circles(&files).contains(&circle.to_owned()), "{line}: {:?}", circles(&files));
    }
}

#[test]
fn files_of_a_room_do_not_use_each_other_in_a_circle() {
    let files: Vec<_> =
        sources("src").iter().map(|source| (source.path.display().to_string(), source.code())).collect();
    assert_none(&circles(&files), "files use each other in a circle");
}
