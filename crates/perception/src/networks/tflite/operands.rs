//! Converts the parts that operators share: operands, options, activation and bias.

use super::flatbuffer::Table;
use super::graph::Graph;
use super::schema::Operator;
use super::{Fault, Result};

pub(super) fn input(operator: &Operator, index: usize) -> Result<usize> {
    let found = operator.inputs.get(index).copied().flatten();
    found.ok_or_else(|| Fault::malformed(format!("operator {:?} lacks operand {index}", operator.code)))
}

pub(super) fn output(operator: &Operator) -> Result<usize> {
    match operator.outputs[..] {
        [output] => Ok(output),
        _ => Err(Fault::malformed(format!(
            "operator {:?} has {} results, expected 1",
            operator.code,
            operator.outputs.len()
        ))),
    }
}

pub(super) fn options<'a>(operator: &Operator<'a>) -> Result<Table<'a>> {
    operator.options.ok_or_else(|| Fault::malformed(format!("operator {:?} lacks its options", operator.code)))
}

pub(super) fn count(value: i32) -> Result<usize> {
    usize::try_from(value).map_err(|_| Fault::malformed(format!("the count is {value}, expected at least 0")))
}

/// Adds the activation that is fused into the operator.
pub(super) fn activated(graph: &mut Graph, name: String, activation: u8) -> Result<String> {
    match activation {
        0 => Ok(name),
        1 => Ok(graph.node("Relu", vec![name], vec![])),
        3 => {
            let (low, high) = (graph.weight(&[], &[0.0]), graph.weight(&[], &[6.0]));
            Ok(graph.node("Clip", vec![name, low, high], vec![]))
        }
        other => Err(Fault::unsupported(format!("fused activation {other}"))),
    }
}

/// The values of the bias, one for each filter, if there is one.
pub(super) fn bias_values(graph: &mut Graph, operator: &Operator, filters: usize) -> Result<Option<Vec<f32>>> {
    let Some(bias) = operator.inputs.get(2).copied().flatten() else { return Ok(None) };
    let values = graph.constant(bias)?;
    if values.len() != filters {
        return Err(Fault::malformed(format!("{} biases for {filters} filters", values.len())));
    }
    Ok(Some(values))
}

pub(super) fn bias(graph: &mut Graph, operator: &Operator, filters: usize) -> Result<Option<String>> {
    let values = bias_values(graph, operator, filters)?;
    Ok(values.map(|values| graph.weight(&[filters], &values)))
}
