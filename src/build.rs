//! The migrations are compiled in by a macro that does not notice new files; this line makes cargo notice them.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
