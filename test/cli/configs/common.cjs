module.exports = { maximumQoS: 0 };
