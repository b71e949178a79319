//! Order statistics of a handful of samples. Nothing here knows what the numbers mean.

/// The value below which the share `quantile` of `samples` lies, interpolated; NaN if none.
pub(crate) fn quantile(samples: &[f64], quantile: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let mut before = 0;
    // The step is found by comparing: a float-to-integer cast would be the only one in the file.
    while before < last && (before + 1) as f64 <= quantile * last as f64 {
        before += 1;
    }
    let after = (before + 1).min(last);
    let share = quantile * last as f64 - before as f64;
    sorted[before] + (sorted[after] - sorted[before]) * share
}

pub(crate) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// The smallest sample: for costs, the run the machine disturbed least.
pub(crate) fn best(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::NAN, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_samples() {
        let samples = [4.0, 1.0, 3.0, 2.0];
        assert!((median(&samples) - 2.5).abs() < 1e-9);
        assert!((quantile(&samples, 0.0) - 1.0).abs() < 1e-9);
        assert!((quantile(&samples, 1.0) - 4.0).abs() < 1e-9);
        assert!((best(&samples) - 1.0).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }
}
