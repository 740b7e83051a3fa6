//! Loads safetensors with candle: `candle-loader MODEL [--mmap]`, and prints a sum over the bytes of each tensor.

use candle_core::safetensors::{MmapedSafetensors, load};
use candle_core::{DType, Device, Result, Tensor};

fn sum(name: &str, tensor: &Tensor) -> Result<()> {
    let values = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let sum = values.iter().fold(0u64, |sum, value| sum.rotate_left(5) ^ value.to_bits());
    println!("{name} {sum:016x}");
    Ok(())
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // A word that it does not know is refused before anything is opened, as the dialect says.
    let (mmap, model) = match &words[..] {
        [model] if !model.starts_with('-') => (false, model),
        [model, flags @ ..] if !model.starts_with('-') && flags.iter().all(|flag| flag == "--mmap") => {
            (true, model)
        }
        _ => candle_core::bail!("usage: candle-loader MODEL [--mmap]"),
    };
    if mmap {
        // SAFETY: nobody changes the file meanwhile. Candle has no other way to map one.
        let file = unsafe { MmapedSafetensors::new(model)? };
        let mut names: Vec<String> = file.tensors().into_iter().map(|(name, _)| name).collect();
        names.sort();
        for name in names {
            sum(&name, &file.load(&name, &Device::Cpu)?)?;
        }
    } else {
        let tensors = load(model, &Device::Cpu)?;
        let mut names: Vec<&String> = tensors.keys().collect();
        names.sort();
        for name in names {
            sum(name, &tensors[name])?;
        }
    }
    Ok(())
}
