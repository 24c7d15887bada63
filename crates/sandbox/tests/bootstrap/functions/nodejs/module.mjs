await null;
export const handler = async () => 'module by extension';
export const nested = { handler };
