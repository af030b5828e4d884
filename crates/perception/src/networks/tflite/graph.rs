//! Builds the ONNX graph, and records which ONNX value each tensor of the file has become.

use super::onnx::{AttributeProto, NodeProto, TensorProto};
use super::schema::Network;
use super::shapes::{broadcast, onnx_shape, transposed};
use super::steps::{Operation, PlaneOperation, PlaneWork, Port, Step, steps};
use super::{Fault, Result, weights};
use std::collections::HashMap;

/// Largest number of weight cells in a network, counting sparse weights as dense.
const MAX_WEIGHTS: usize = 1 << 26;

/// A converted network.
pub(crate) struct Converted {
    /// The steps, in the order in which they run.
    pub(crate) steps: Vec<Step>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

/// What is known of a tensor so far.
#[derive(Clone)]
enum Value {
    Unknown,
    /// Computed during the conversion, in the file's layout.
    Constant(Vec<f32>),
    /// An ONNX value with this name.
    Live(String),
}

/// The graph under construction. Operands are tensor indices of the file.
pub(crate) struct Graph<'a> {
    network: &'a Network<'a>,
    values: Vec<Value>,
    operations: Vec<Operation>,
    /// Shapes of values in the ONNX graph.
    shapes: HashMap<String, Vec<usize>>,
    initializers: Vec<TensorProto>,
    weight_cells: usize,
    names: usize,
}

impl<'a> Graph<'a> {
    pub(super) fn new(network: &'a Network<'a>) -> Self {
        let mut values = vec![Value::Unknown; network.tensors.len()];
        let mut shapes = HashMap::new();
        for input in &network.inputs {
            values[*input] = Value::Live(format!("t{input}"));
            shapes.insert(format!("t{input}"), onnx_shape(&network.tensors[*input].shape));
        }
        Self { network, values, operations: Vec::new(), shapes, initializers: Vec::new(), weight_cells: 0, names: 0 }
    }

    /// The shape of a tensor in the file's layout.
    pub(crate) fn shape(&self, tensor: usize) -> &'a [usize] {
        &self.network.tensors[tensor].shape
    }

    /// The four sides of a rank 4 tensor in the file's layout.
    pub(crate) fn sides(&self, tensor: usize) -> Result<[usize; 4]> {
        let shape = self.shape(tensor);
        shape.try_into().map_err(|_| Fault::unsupported(format!("an operand of shape {shape:?}, expected rank 4")))
    }

    /// The integers of a constant tensor.
    pub(crate) fn integers(&self, tensor: usize) -> Result<Vec<i64>> {
        weights::integers(&self.network.tensors[tensor])
    }

    /// The values of a constant tensor in the file's layout.
    pub(crate) fn constant(&mut self, tensor: usize) -> Result<Vec<f32>> {
        if let Value::Constant(values) = &self.values[tensor] {
            return Ok(values.clone());
        }
        let found = &self.network.tensors[tensor];
        if found.bytes.is_empty() {
            return Err(Fault::malformed(format!("tensor {tensor} is used as a weight but has no bytes")));
        }
        self.weight_cells += found.shape.iter().product::<usize>();
        if self.weight_cells > MAX_WEIGHTS {
            return Err(Fault::malformed(format!("more than {MAX_WEIGHTS} weights")));
        }
        weights::floats(found)
    }

    /// Records that a tensor has these values, in the file's layout.
    pub(crate) fn define_constant(&mut self, tensor: usize, values: Vec<f32>) -> Result<()> {
        if values.len() != self.shape(tensor).iter().product::<usize>() {
            return Err(Fault::malformed(format!(
                "number of values {} does not match shape {:?}",
                values.len(),
                self.shape(tensor)
            )));
        }
        self.claim(tensor)?;
        self.values[tensor] = Value::Constant(values);
        Ok(())
    }

    fn claim(&self, tensor: usize) -> Result<()> {
        match self.values[tensor] {
            Value::Unknown if self.network.tensors[tensor].bytes.is_empty() => Ok(()),
            _ => Err(Fault::malformed(format!("tensor {tensor} is produced more than once"))),
        }
    }

    /// The ONNX name of an operand. A constant becomes a weight with the axes of `like_rank` (leading sides of 1 added).
    pub(crate) fn operand(&mut self, tensor: usize, like_rank: usize) -> Result<String> {
        if let Value::Live(name) = &self.values[tensor] {
            return Ok(name.clone());
        }
        let values = self.constant(tensor)?;
        let mut shape = self.shape(tensor).to_vec();
        while shape.len() < like_rank {
            shape.insert(0, 1);
        }
        let values = match *shape {
            [n, h, w, c] => transposed(&values, [n, h, w, c], [0, 3, 1, 2]),
            _ => values,
        };
        Ok(self.weight(&onnx_shape(&shape), &values))
    }

    /// The ONNX name of an operand that is computed at run time.
    pub(crate) fn live(&self, tensor: usize) -> Result<String> {
        match &self.values[tensor] {
            Value::Live(name) => Ok(name.clone()),
            _ => Err(Fault::malformed(format!("tensor {tensor} is used before it is produced"))),
        }
    }

    /// True when the tensor is computed at run time.
    pub(crate) fn is_live(&self, tensor: usize) -> bool {
        matches!(self.values[tensor], Value::Live(_))
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("n{}", self.names)
    }

    /// Adds a weight in ONNX layout.
    pub(crate) fn weight(&mut self, shape: &[usize], values: &[f32]) -> String {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "weight of shape {shape:?}");
        let name = self.fresh();
        self.initializers.push(TensorProto::floats(name.clone(), shape, values));
        name
    }

    /// Adds a list of integers.
    pub(crate) fn whole_numbers(&mut self, values: &[i64]) -> String {
        let name = self.fresh();
        self.initializers.push(TensorProto::integers(name.clone(), values));
        name
    }

    /// Adds a node with one result and returns the result's name.
    pub(crate) fn node(&mut self, op_type: &str, input: Vec<String>, attribute: Vec<AttributeProto>) -> String {
        let name = self.fresh();
        let output = vec![name.clone()];
        let node = NodeProto { input, output, name: name.clone(), op_type: op_type.into(), attribute };
        self.operations.push(Operation::Node(node));
        name
    }

    /// Adds an operator on planes and returns its result's name.
    pub(crate) fn planes(&mut self, source: String, work: PlaneWork) -> String {
        let result = self.fresh();
        self.operations.push(Operation::Planes(PlaneOperation { source, result: result.clone(), work }));
        result
    }

    /// Records that a tensor is the ONNX value `name`, whose computed shape in the file's layout is `shape`.
    pub(crate) fn define(&mut self, tensor: usize, shape: &[usize], name: String) -> Result<()> {
        if shape != self.shape(tensor) {
            let declared = self.shape(tensor);
            return Err(Fault::malformed(format!("tensor {tensor} has shape {declared:?}, expected {shape:?}")));
        }
        self.claim(tensor)?;
        self.shapes.insert(name.clone(), onnx_shape(shape));
        self.values[tensor] = Value::Live(name);
        Ok(())
    }

    /// An elementwise operator of two operands.
    pub(crate) fn elementwise(&mut self, op_type: &str, left: usize, right: usize) -> Result<(String, Vec<usize>)> {
        let shape = broadcast(self.shape(left), self.shape(right))?;
        for operand in [left, right] {
            if self.is_live(operand) && shape.len() == 4 && self.shape(operand).len() != 4 {
                return Err(Fault::unsupported(format!("broadcasting of {:?}", self.shape(operand))));
            }
        }
        let inputs = vec![self.operand(left, shape.len())?, self.operand(right, shape.len())?];
        Ok((self.node(op_type, inputs, Vec::new()), shape))
    }

    fn port(&self, tensor: usize) -> Result<Port> {
        Ok(Port { name: self.live(tensor)?, shape: onnx_shape(self.shape(tensor)) })
    }

    pub(super) fn finish(self, outputs: usize) -> Result<Converted> {
        let ports = |tensors: &[usize]| tensors.iter().map(|tensor| self.port(*tensor)).collect::<Result<Vec<_>>>();
        let inputs = ports(&self.network.inputs)?;
        let outputs = ports(&self.network.outputs[..outputs.min(self.network.outputs.len())])?;
        if inputs.is_empty() || outputs.is_empty() {
            return Err(Fault::malformed("a network without input or output"));
        }
        let steps = steps(self.operations, &self.initializers, &self.shapes, &outputs)?;
        Ok(Converted { steps, inputs, outputs })
    }
}
