//! Defines the values that a pickle creates. Values refer to each other by index. Deep nesting and repetition therefore
//! cost nothing extra, even if a value contains itself.

use crate::element::ElementType;

/// A value, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueId(usize);

/// A Python name that may be called, or that names a storage class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(ElementType),
}

impl Global {
    /// The few supported names.
    pub(crate) fn find(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", class) => ElementType::of_storage(class).map(Self::Storage),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OrderedDict => "collections.OrderedDict",
            Self::RebuildTensor => "torch._utils._rebuild_tensor_v2",
            Self::RebuildParameter => "torch._utils._rebuild_parameter",
            Self::Storage(_) => "a torch storage",
        }
    }
}

/// The values that tensors refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Storage {
    pub(crate) element: ElementType,
    pub(crate) key: String,
    pub(crate) count: u64,
}

/// A tensor as the file describes it, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawTensor {
    pub(crate) storage: Storage,
    pub(crate) offset: i64,
    pub(crate) shape: Vec<i64>,
    pub(crate) strides: Vec<i64>,
}

/// Anything that the machine can hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than eight bytes, little-endian.
    Long(Vec<u8>),
    Float,
    Text(String),
    Tuple(Vec<ValueId>),
    List(Vec<ValueId>),
    Dict(Vec<(ValueId, ValueId)>),
    Global(Global),
    Storage(Storage),
    Tensor(RawTensor),
}

impl Value {
    /// A description for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::None => "`None`",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Long(_) => "an integer",
            Self::Float => "a number",
            Self::Text(_) => "a string",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Global(_) => "a Python name",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// All values of a pickle.
#[derive(Debug, Default)]
pub(crate) struct Values(Vec<Value>);

impl Values {
    pub(crate) fn add(&mut self, value: Value) -> ValueId {
        self.0.push(value);
        ValueId(self.0.len() - 1)
    }

    pub(crate) fn get(&self, id: ValueId) -> &Value {
        &self.0[id.0]
    }

    pub(crate) fn get_mut(&mut self, id: ValueId) -> &mut Value {
        &mut self.0[id.0]
    }

    pub(crate) fn text(&self, id: ValueId) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn int(&self, id: ValueId) -> Option<i64> {
        match self.get(id) {
            Value::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// All values, in the order in which they were made.
    pub(crate) fn all(&self) -> &[Value] {
        &self.0
    }
}
