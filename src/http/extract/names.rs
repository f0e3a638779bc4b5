//! Names of fields and parameters that are not known, and the known ones that were probably meant.

/// What is wrong with a name that is not known: it may be a slip of the pen.
pub(crate) fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let plain = |name: &str| name.replace(['-', '_', ' '], "").to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&plain(name), &plain(known));
    // Nobody means a known name by a long one, which would cost as much as it is long.
    let known = known.into_iter().filter(|_| name.len() <= 100);
    let nearest = known.map(|known| (likeness(known), known)).max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((likeness, known)) if likeness > 0.85 => format!("is not known here; did you mean {known}?"),
        _ => "is not known here".to_owned(),
    }
}
