export const handler = async () => 'module by package.json';
