export default { autenticate: () => true };
