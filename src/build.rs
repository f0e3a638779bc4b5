//! The migrations are compiled in by a macro that does not notice new files; cargo does when told.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
