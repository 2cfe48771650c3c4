//! Compiles `plimsoll/v1/*.proto`: the list of messages is the folder. No protoc is needed.

use std::{error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=plimsoll");
    let mut files: Vec<PathBuf> = fs::read_dir("plimsoll/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let descriptors = protox::compile(&files, ["."])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    // Orders are written by people, so a misspelt field must be an error; facts may come from a newer service.
    let messages = |orders: bool| -> Vec<String> {
        descriptors
            .file
            .iter()
            .filter(|file| file.package() == "plimsoll.v1" && file.name().ends_with("order.proto") == orders)
            .flat_map(|file| {
                file.message_type.iter().map(|message| format!(".plimsoll.v1.{}", message.name()))
            })
            .collect()
    };
    for (folder, orders) in [("strict", true), ("lenient", false)] {
        fs::create_dir_all(out.join(folder))?;
        let mut builder = pbjson_build::Builder::new();
        builder.register_descriptors(&descriptors.encode_to_vec())?.out_dir(out.join(folder));
        if !orders {
            builder.ignore_unknown_fields();
        }
        builder.build(&messages(orders))?;
    }

    tonic_prost_build::configure()
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_well_known_types(true)
        .compile_fds(descriptors)?;
    Ok(())
}
