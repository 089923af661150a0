// Webhooks of Shopify: https://shopify.dev/docs/api/webhooks

const MONEY = /(^|_)(price|tax|discounts|duties|amount|spent|outstanding|received)$/;
// always a text, since some are beyond what a number holds exactly
const idOf = (value) => (value === undefined || value === null ? undefined : String(value));
const number = (text) => (text === undefined || text === null ? undefined : Number(text));
const plain = (object) =>
  Object.fromEntries(Object.entries(object ?? {}).flatMap(([name, value]) => {
    if (typeof value === 'string' && MONEY.test(name) && /^-?\d+(\.\d+)?$/.test(value)) return [[name, Number(value)]];
    return ['string', 'number', 'boolean'].includes(typeof value) ? [[name, value]] : [];
  }));

function transform(request) {
  const { headers, json: body } = request, topic = headers['x-shopify-topic'];
  if (!topic || !body) return null;
  const customer = topic.startsWith('customers/') && body.customer === undefined ? body : body.customer;
  const {
    id, created_at, updated_at, admin_graphql_api_id, browser_ip, order_status_url, customer_locale, ...rest
  } = plain(body);
  const event = headers['x-shopify-event-id'];
  return {
    name: `shopify_${topic.replace(/\W/g, '_')}`,
    // what one action of a merchant's sets off shares its event's id, whatever the topics
    id: event ? [event, topic, id ?? ''].join(' ') : headers['x-shopify-webhook-id'],
    time: headers['x-shopify-triggered-at'] ?? updated_at ?? created_at,
    user_id: customer?.id ?? body.customer_id,
    properties: {
      ...rest,
      object_id: idOf(id),
      shop: headers['x-shopify-shop-domain'],
      products: body.line_items?.map((item) => ({
        product_id: idOf(item.product_id), variant_id: idOf(item.variant_id), sku: item.sku,
        name: item.title, quantity: item.quantity, price: number(item.price),
      })),
      discount_codes: body.discount_codes?.map((each) => each.code),
    },
    context: {
      ip: browser_ip ?? body.client_details?.browser_ip,
      user_agent: body.client_details?.user_agent,
      locale: customer_locale,
    },
  };
}
