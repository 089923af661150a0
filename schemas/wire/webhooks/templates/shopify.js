// Webhooks of Shopify: https://shopify.dev/docs/api/webhooks

const plain = (object) =>
  Object.fromEntries(Object.entries(object ?? {}).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value)));

function transform(request) {
  const topic = request.headers['x-shopify-topic'], body = request.json;
  if (!topic || !body) return null;
  const number = (text) => (text === undefined || text === null ? undefined : Number(text));
  const customer = topic.startsWith('customers/') ? body : body.customer;
  const { id, created_at, updated_at, admin_graphql_api_id, total_price, subtotal_price, total_tax, ...rest } = plain(body);
  return {
    name: `shopify_${topic.replace(/\W/g, '_')}`,
    id: request.headers['x-shopify-event-id'] ?? request.headers['x-shopify-webhook-id'],
    time: request.headers['x-shopify-triggered-at'] ?? updated_at ?? created_at,
    user_id: customer?.id,
    properties: {
      ...rest,
      object_id: id,
      shop: request.headers['x-shopify-shop-domain'],
      total_price: number(total_price),
      subtotal_price: number(subtotal_price),
      total_tax: number(total_tax),
      products: body.line_items?.map((item) => ({
        product_id: item.product_id, variant_id: item.variant_id, sku: item.sku, name: item.title,
        quantity: item.quantity, price: number(item.price),
      })),
    },
  };
}
