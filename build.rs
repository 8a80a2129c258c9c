//! Migrations and templates are compiled in, so a change in their folders is a change of the program.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=templates");
}
